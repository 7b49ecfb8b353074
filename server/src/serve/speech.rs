//! What the program hears and speaks with: the models on this machine, unless somebody brings other ones.

use std::{path::Path, sync::Arc};

use tokio::sync::watch;
use warmline_speech_local::{LocalSpeech, SpeechStatus, models};
use warmline_voice::{SpeechToText, TextToSpeech};

use crate::{
    calls::{NotReady, Readiness},
    settings::Settings,
};

/// What the program hears and speaks with.
pub struct EarsAndMouth {
    /// Ears.
    pub stt: Arc<dyn SpeechToText>,
    /// Mouth.
    pub tts: Arc<dyn TextToSpeech>,
    /// Whether they are there yet.
    pub readiness: Readiness,
}

/// Speech on this machine, loaded while the rest of the program starts.
pub(super) fn local(settings: &Settings) -> EarsAndMouth {
    let local = LocalSpeech::spawn(settings.models_dir.clone());
    fetch_models(&settings.models_dir, &local);
    render_ahead(&local, settings);
    EarsAndMouth { stt: local.stt(), tts: local.tts(), readiness: readiness(&local) }
}

/// On a new machine the speech models are fetched while the pages are already there.
fn fetch_models(dir: &Path, speech: &LocalSpeech) {
    let store = models::ModelStore::new(dir);
    if store.ready() {
        return;
    }
    tracing::info!("the speech models are fetched once (112 MB) into {}", dir.display());
    let speech = speech.clone();
    tokio::spawn(async move {
        let pulled = tokio::task::spawn_blocking(move || {
            let mut bar = crate::cli::ProgressBar::on_standard_error();
            store.pull(|progress| bar.show(&progress))
        });
        let pulled = pulled.await;
        match pulled {
            Ok(Ok(())) => speech.reload(),
            Ok(Err(error)) => tracing::error!("no speech, so no calls: {error}"),
            Err(died) => tracing::error!("fetching the speech models died: {died}"),
        }
    });
}

/// Sentences that never change are spoken once, ahead of the first call.
fn render_ahead(local: &LocalSpeech, settings: &Settings) {
    let (tts, mut status) = (local.tts(), local.status());
    let style =
        warmline_voice::VoiceStyle { language: settings.language.clone(), emotion: settings.emotion.clone(), voice: 0 };
    tokio::spawn(async move {
        if status.wait_for(|s| matches!(s, SpeechStatus::Ready)).await.is_err() {
            return;
        }
        if let Err(error) = tts.render_all(&warmline_voice::lines::all_fixed(), &style).await {
            tracing::warn!("the fixed sentences could not be rendered ahead: {error}");
        }
    });
}

fn readiness(local: &LocalSpeech) -> Readiness {
    let mut status = local.status();
    let (tx, rx) = watch::channel(as_readiness(&status.borrow()));
    tokio::spawn(async move {
        while status.changed().await.is_ok() {
            let _earlier = tx.send_replace(as_readiness(&status.borrow()));
        }
    });
    rx
}

fn as_readiness(status: &SpeechStatus) -> Result<(), NotReady> {
    match status {
        SpeechStatus::Ready => Ok(()),
        SpeechStatus::Loading => Err(NotReady { detail: "Speech models are loading.".into(), soon: true }),
        SpeechStatus::Missing => Err(NotReady {
            detail: "Speech models are not there yet: they are being fetched, or run 'warmline models pull'.".into(),
            soon: false,
        }),
        SpeechStatus::Failed(why) => Err(NotReady { detail: format!("Speech is not available: {why}"), soon: false }),
    }
}
