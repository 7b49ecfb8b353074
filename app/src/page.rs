//! The document around every page, and what the server hands to the browser with it.

use jiff::Timestamp;
use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::{
    components::{A, Route, Router, Routes},
    path,
};
use serde::{Deserialize, Serialize};
use warmline_api::call::CallView;

use crate::{
    board::Board,
    browser,
    call::CallPage,
    form::CallForm,
    phone::PhonePage,
    store::{Link, Store},
};

/// The calls as of one event of the log. The server provides it as context; without it a page starts empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last event it holds.
    pub seq: u64,
    /// Open calls and the latest ended ones; on `/call/{id}` that call too.
    pub calls: Vec<CallView>,
}

/// What a page carries along for its hydration: all that the server's rendering depended on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PageData {
    snapshot: Snapshot,
    /// When it was rendered.
    now: Timestamp,
    /// Idempotency key of the form, so that a second submission never dials again.
    pub(crate) form_key: String,
}

/// The whole document. Provide a [`Snapshot`] as context before rendering it.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let page = PageData {
        snapshot: use_context().unwrap_or_default(),
        now: Timestamp::now(),
        form_key: browser::random_key(),
    };
    // A '<' could end the script element early.
    let json = serde_json::to_string(&page).unwrap_or_default().replace('<', "\\u003c");
    provide_context(page);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" type="image/svg+xml" href="/favicon.svg"/>
                <link rel="stylesheet" href="/pkg/warmline.css"/>
                <script type="application/json" id="snapshot" inner_html=json></script>
                <HydrationScripts options/>
                <MetaTags/>
            </head>
            <body>
                <App/>
            </body>
        </html>
    }
}

/// Hydrates with what the page carries along.
#[cfg(target_arch = "wasm32")]
pub(crate) fn take_over() {
    let page: PageData =
        browser::text_of("snapshot").and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    leptos::mount::hydrate_body(move || {
        provide_context(page);
        view! { <App/> }
    });
    browser::mark_as_hydrated();
}

/// Every page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let page: PageData = use_context().unwrap_or_default();
    let store = Store::new(page.snapshot, page.now);
    provide_context(store.clone());
    browser::follow(store);
    view! {
        <Title formatter=|text: String| if text.is_empty() { "Warmline".into() } else { format!("{text} · Warmline") }/>
        <Router>
            <a class="skip" href="#main">"Skip to the content"</a>
            <Header/>
            <main id="main" class="mx-auto w-full max-w-6xl px-4 pt-6 pb-16 sm:px-6">
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=Home/>
                    <Route path=path!("/console") view=Console/>
                    <Route path=path!("/call/:id") view=CallPage/>
                    <Route path=path!("/phone") view=PhonePage/>
                </Routes>
            </main>
        </Router>
    }
}

#[component]
fn Header() -> impl IntoView {
    view! {
        <header class="border-b border-line bg-surface">
            <div class="mx-auto flex w-full max-w-6xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-3 sm:px-6">
                <A href="/" attr:class="flex items-center gap-2 font-semibold tracking-tight">
                    <img src="/favicon.svg" alt="" class="size-6"/>
                    "Warmline"
                </A>
                <nav aria-label="Pages" class="flex gap-1 text-sm">
                    <A href="/" exact=true attr:class="nav-link">"Call"</A>
                    <A href="/console" attr:class="nav-link">"Console"</A>
                    <A href="/phone" attr:class="nav-link">"Phone"</A>
                    <a href="/docs" rel="external" class="nav-link">"API"</a>
                </nav>
                <div class="ml-auto"><LinkState/></div>
            </div>
        </header>
    }
}

/// Whether what the page shows is live.
#[component]
fn LinkState() -> impl IntoView {
    let store: Store = expect_context();
    let (link, now) = (store.link.clone(), store.now.clone());
    let shown = Memo::new(move |_| match link.get() {
        Link::Connecting => ("quiet", "connecting".to_owned()),
        Link::Live => ("good", "live".to_owned()),
        Link::Lost { since } => ("warn", format!("stale {} s", now.get().duration_since(since).as_secs().max(0))),
    });
    view! {
        <span id="link" class="badge" data-tone=move || shown.get().0>
            <span class="dot" aria-hidden="true"></span>
            {move || shown.get().1}
        </span>
    }
}

#[component]
fn Home() -> impl IntoView {
    view! {
        <Title text=""/>
        <div class="grid items-start gap-8 lg:grid-cols-[23rem_1fr]">
            <CallForm/>
            <Board/>
        </div>
    }
}

#[component]
fn Console() -> impl IntoView {
    view! {
        <Title text="Console"/>
        <Board/>
    }
}

#[component]
fn NotFound() -> impl IntoView {
    view! {
        <Title text="Not found"/>
        <section class="mx-auto max-w-md py-16 text-center">
            <h1 class="text-xl font-semibold">"There is no such page"</h1>
            <p class="mt-2 text-muted">"The address may have a typo, or what it named is gone."</p>
            <A href="/" attr:class="button mt-6">"To the calls"</A>
        </section>
    }
}
