//! What a page shows of something that the server is asked for.

use std::sync::atomic::{AtomicBool, Ordering};

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use crate::{browser, page::PageData, texts::t};

/// The last answer, and how the last question fares.
pub(crate) struct Fetched<T: Send + Sync + 'static> {
    pub(crate) value: RwSignal<Option<T>>,
    pub(crate) loading: RwSignal<bool>,
    pub(crate) error: RwSignal<Option<String>>,
    /// Counts what was asked: of several answers the one to the last question counts.
    asked: StoredValue<u32>,
}

impl<T: Send + Sync + 'static> Clone for Fetched<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Fetched<T> {}

impl<T: Send + Sync + 'static> Fetched<T> {
    pub(crate) fn new(first: Option<T>) -> Self {
        Self {
            loading: RwSignal::new(first.is_none()),
            value: RwSignal::new(first),
            error: RwSignal::new(None),
            asked: StoredValue::new(0),
        }
    }

    /// Asks the server; `shown` makes what is shown of its answer.
    pub(crate) fn ask<A: DeserializeOwned>(self, url: String, shown: impl FnOnce(A) -> T + 'static) {
        self.asked.update_value(|asked| *asked += 1);
        let number = self.asked.get_value();
        self.loading.set(true);
        browser::get(url, move |answer| {
            // Another question was asked since, or the page was left.
            if self.asked.try_get_value() != Some(number) {
                return;
            }
            self.loading.set(false);
            let answer = answer.and_then(|text| serde_json::from_str(&text).map_err(|_| t().not_understood.to_owned()));
            self.error.set(answer.as_ref().err().cloned());
            if let Ok(answer) = answer {
                self.value.set(Some(shown(answer)));
            }
        });
    }
}

/// What the server sent along: good for the first page that is rendered, and stale on every later one.
pub(crate) fn sent_along<T>(of: impl FnOnce(PageData) -> Option<T>) -> Option<T> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let stale = cfg!(target_arch = "wasm32") && TAKEN.swap(true, Ordering::Relaxed);
    use_context::<PageData>().filter(|_| !stale).and_then(of)
}
