//! Hold music from the user's own file.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use symphonia::core::{
    codecs::audio::{AudioDecoder, AudioDecoderOptions},
    errors::Error,
    formats::{FormatOptions, FormatReader, TrackType, probe::Hint},
    io::MediaSourceStream,
    meta::MetadataOptions,
};

use super::{HoldMusic, level};
use crate::{SAMPLE_RATE, resample::resample_f32};

/// The longest track, in seconds.
const LONGEST: u64 = 600;

/// What is quieter than this throughout is no music: −66 dBFS.
const QUIETEST: f32 = 0.000_5;

/// The hold music can't be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum HoldMusicError {
    /// No such file.
    #[error("WARMLINE_HOLD_MUSIC: there is no file {}. Give the path of a WAV or Ogg Vorbis file, or remove the setting to hear the built-in music.", .0.display())]
    Missing(PathBuf),
    /// It is there but can't be read.
    #[error("WARMLINE_HOLD_MUSIC: {} can't be read. Check that it is a file and that Warmline may read it.", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Neither WAV nor Ogg.
    #[error("WARMLINE_HOLD_MUSIC: {} is neither a WAV nor an Ogg file. Convert it, for example: ffmpeg -i INPUT -ac 1 -ar 16000 hold.wav", .0.display())]
    NotAudio(PathBuf),
    /// WAV or Ogg, but what is in it is not PCM or Vorbis.
    #[error("WARMLINE_HOLD_MUSIC: the audio in {} is of a kind that is not supported (supported: PCM in WAV, Vorbis in Ogg). Convert it, for example: ffmpeg -i INPUT -ac 1 -ar 16000 hold.wav", .0.display())]
    Unsupported(PathBuf),
    /// It breaks off or is damaged so that nothing can be played.
    #[error("WARMLINE_HOLD_MUSIC: {} is damaged ({detail}). Export it again.", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        detail: String,
    },
    /// No samples, or silence only.
    #[error("WARMLINE_HOLD_MUSIC: nothing can be heard in {}. Give a file with music in it.", .0.display())]
    Empty(PathBuf),
    /// Longer than 10 minutes.
    #[error("WARMLINE_HOLD_MUSIC: {} is longer than 10 minutes. Cut it, for example: ffmpeg -i INPUT -t 600 hold.wav", .0.display())]
    TooLong(PathBuf),
}

impl HoldMusic {
    /// Reads a WAV (PCM) or Ogg Vorbis file of at most 10 minutes, mixes it to mono and brings it to −24 dBFS RMS.
    ///
    /// Reads and decodes on the calling thread.
    ///
    /// # Errors
    /// The file can't be used; the error names the setting, the file and the fix.
    pub fn from_file(path: &Path) -> Result<Self, HoldMusicError> {
        let (mut format, mut decoder, track) = open(path)?;
        let (audio, rate) = decode(path, format.as_mut(), decoder.as_mut(), track)?;
        if !audio.iter().any(|sample| sample.abs() > QUIETEST) {
            return Err(HoldMusicError::Empty(path.to_owned()));
        }
        let audio = resample_f32(audio, rate, SAMPLE_RATE);
        if audio.is_empty() {
            return Err(HoldMusicError::Unsupported(path.to_owned()));
        }
        Ok(Self { track: level(&audio) })
    }
}

type Opened = (Box<dyn FormatReader>, Box<dyn AudioDecoder>, u32);

fn open(path: &Path) -> Result<Opened, HoldMusicError> {
    let unreadable = |source| HoldMusicError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => HoldMusicError::Missing(path.to_owned()),
        _ => unreadable(source),
    })?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    if about.len() == 0 {
        return Err(HoldMusicError::Empty(path.to_owned()));
    }
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| match error {
            Error::Unsupported(_) | Error::IoError(_) => HoldMusicError::NotAudio(path.to_owned()),
            other => HoldMusicError::Damaged { path: path.to_owned(), detail: other.to_string() },
        })?;
    let unsupported = || HoldMusicError::Unsupported(path.to_owned());
    let track = format.default_track(TrackType::Audio).ok_or_else(unsupported)?;
    let parameters = track.codec_params.as_ref().and_then(|p| p.audio()).ok_or_else(unsupported)?;
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|_| unsupported())?;
    let id = track.id;
    Ok((format, decoder, id))
}

/// All of the track in mono, ±1, and its sample rate. A damaged packet is skipped, and a file that breaks off ends there.
fn decode(
    path: &Path,
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    track: u32,
) -> Result<(Vec<f32>, u32), HoldMusicError> {
    let damaged = |error: &Error| HoldMusicError::Damaged { path: path.to_owned(), detail: error.to_string() };
    let mut mono = Vec::new();
    let mut packet_audio: Vec<f32> = Vec::new();
    let mut rate = SAMPLE_RATE;
    let mut last_error = None;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(error) => {
                last_error = Some(damaged(&error));
                break;
            }
        };
        if packet.track_id != track {
            continue;
        }
        let audio = match decoder.decode(&packet) {
            Ok(audio) => audio,
            Err(error) => {
                last_error = Some(damaged(&error));
                continue;
            }
        };
        rate = audio.spec().rate();
        let channels = audio.num_planes().max(1);
        audio.copy_to_vec_interleaved(&mut packet_audio);
        mono.extend(packet_audio.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
        if mono.len() as u64 > LONGEST * u64::from(rate) {
            return Err(HoldMusicError::TooLong(path.to_owned()));
        }
    }
    match last_error {
        Some(error) if mono.is_empty() => Err(error),
        _ => Ok((mono, rate)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::dbfs, *};

    fn wav(path: &Path, rate: u32, channels: u16, frames: usize, sample: impl Fn(usize) -> i16) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for n in 0..frames * usize::from(channels) {
            writer.write_sample(sample(n / usize::from(channels))).unwrap();
        }
        writer.finalize().unwrap();
    }

    fn refused(path: &Path) -> HoldMusicError {
        let error = HoldMusic::from_file(path).expect_err("it is no hold music");
        let said = error.to_string();
        assert!(said.contains("WARMLINE_HOLD_MUSIC") && said.contains(&path.display().to_string()), "{said}");
        error
    }

    #[test]
    fn a_stereo_file_at_another_rate_becomes_a_track_of_the_right_loudness() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hold.wav");
        wav(&path, 44_100, 2, 44_100, |n| (900.0 * (n as f64 * 0.06).sin()) as i16);
        let music = HoldMusic::from_file(&path).unwrap();
        assert!((music.duration().as_secs_f64() - 1.0).abs() < 0.01, "{:?}", music.duration());
        assert!((dbfs(&music.track()) + 24.0).abs() < 0.2);
    }

    #[test]
    fn ogg_vorbis_is_read_and_not_its_damaged_half() {
        const TONE: &[u8] = include_bytes!("testdata/tone.ogg");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hold.ogg");
        std::fs::write(&path, TONE).unwrap();
        let music = HoldMusic::from_file(&path).unwrap();
        assert!((music.duration().as_secs_f64() - 0.5).abs() < 0.01, "{:?}", music.duration());
        assert!((dbfs(&music.track()) + 24.0).abs() < 0.2);
        std::fs::write(&path, &TONE[..100]).unwrap();
        assert!(matches!(
            refused(&path),
            HoldMusicError::NotAudio(_) | HoldMusicError::Damaged { .. } | HoldMusicError::Unsupported(_)
        ));
    }

    #[test]
    fn files_that_are_no_music_are_refused_each_with_its_reason() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        assert!(matches!(refused(&dir.path().join("none.wav")), HoldMusicError::Missing(_)));
        assert!(matches!(refused(dir.path()), HoldMusicError::Unreadable { .. }));
        assert!(matches!(refused(&file("empty.wav", b"")), HoldMusicError::Empty(_)));
        assert!(matches!(
            refused(&file("notes.wav", &b"these are no sounds ".repeat(500))),
            HoldMusicError::NotAudio(_)
        ));
        let silent = dir.path().join("silent.wav");
        wav(&silent, 16_000, 1, 16_000, |_| 0);
        assert!(matches!(refused(&silent), HoldMusicError::Empty(_)));
        let header_only = dir.path().join("header.wav");
        wav(&header_only, 16_000, 1, 0, |_| 0);
        assert!(matches!(refused(&header_only), HoldMusicError::Empty(_)));
    }

    #[test]
    fn a_codec_that_is_not_supported_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("adpcm.wav");
        wav(&path, 16_000, 1, 1_600, |n| n as i16);
        let mut bytes = std::fs::read(&path).unwrap();
        // The format tag in the 'fmt ' chunk: 0x0055 is MP3.
        let tag = bytes.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
        bytes[tag] = 0x55;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(refused(&path), HoldMusicError::Unsupported(_) | HoldMusicError::NotAudio(_)));
    }

    #[test]
    fn a_file_that_breaks_off_plays_as_far_as_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cut.wav");
        wav(&path, 16_000, 1, 32_000, |n| (2_000.0 * (n as f64 * 0.2).sin()) as i16);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let music = HoldMusic::from_file(&path).unwrap();
        assert!((0.9..=1.01).contains(&music.duration().as_secs_f64()), "{:?}", music.duration());
    }

    #[test]
    fn more_than_ten_minutes_is_too_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("opera.wav");
        wav(&path, 4_000, 1, 601 * 4_000, |n| (n % 100) as i16);
        assert!(matches!(refused(&path), HoldMusicError::TooLong(_)));
    }
}
