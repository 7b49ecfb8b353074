//! How emotions and voices sound.

use warmline_voice::VoiceStyle;

/// How something is spoken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Delivery {
    /// Duration, as a factor of the usual one.
    pub(crate) length: f32,
    /// Pitch and timbre, as a factor of the model's own. The duration stays: more is spoken, then played faster.
    pub(crate) pitch: f32,
    /// Loudness (RMS), as a factor of the usual one.
    pub(crate) gain: f32,
    /// How much intonation and rhythm vary, as a factor of the usual.
    pub(crate) liveliness: f32,
}

/// Pitch of the numbered voices: 0 is the agent.
const VOICES: &[f32] = &[1.0, 1.18, 0.88, 1.30, 0.80, 1.10, 1.24, 0.93];

impl Delivery {
    /// How a style sounds.
    pub(crate) fn of(style: &VoiceStyle) -> Self {
        let mut delivery = Self::of_emotion(&style.emotion);
        delivery.pitch *= VOICES[usize::from(style.voice) % VOICES.len()];
        delivery
    }

    fn of_emotion(emotion: &str) -> Self {
        let (length, pitch, gain, liveliness) = match emotion.trim().to_ascii_lowercase().as_str() {
            "excited" | "enthusiastic" | "energetic" => (0.82, 1.12, 1.30, 1.30),
            "happy" | "cheerful" | "joyful" => (0.93, 1.07, 1.15, 1.20),
            "friendly" | "warm" | "positive" => (0.97, 1.03, 1.05, 1.08),
            "serious" | "professional" | "formal" | "confident" => (1.06, 0.95, 1.00, 0.70),
            "sad" | "sympathetic" | "empathetic" | "apologetic" => (1.25, 0.92, 0.75, 0.65),
            "urgent" | "worried" | "anxious" => (0.75, 1.05, 1.25, 0.90),
            "angry" | "stern" => (0.92, 0.94, 1.35, 1.10),
            "curious" | "surprised" => (0.96, 1.08, 1.05, 1.25),
            _ => (1.0, 1.0, 1.0, 0.9),
        };
        Self { length, pitch, gain, liveliness }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(emotion: &str, voice: u8) -> VoiceStyle {
        VoiceStyle { language: "en".into(), emotion: emotion.into(), voice }
    }

    #[test]
    fn emotions_differ_by_more_than_the_ear_misses_and_unknown_ones_are_calm() {
        let calm = Delivery::of(&style("Calm", 0));
        assert_eq!(Delivery::of(&style("puzzling", 0)), calm);
        assert_eq!(Delivery::of(&style("EXCITED", 0)), Delivery::of(&style("excited", 0)));
        for emotion in ["Excited", "Serious", "Sad", "Urgent", "Happy"] {
            let other = Delivery::of(&style(emotion, 0));
            let pace = (other.length / calm.length).max(calm.length / other.length);
            let pitch = (other.pitch / calm.pitch).max(calm.pitch / other.pitch);
            assert!(pace >= 1.05 && pitch >= 1.045, "{emotion}");
        }
    }

    #[test]
    fn voices_are_different_people() {
        let pitch = |voice| Delivery::of(&style("Calm", voice)).pitch;
        assert!(pitch(1) > 1.15 && pitch(2) < 0.9);
        assert_eq!(pitch(0), pitch(8));
    }
}
