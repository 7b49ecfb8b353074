//! The document around every page, and what the server hands to the browser with it.

use jiff::Timestamp;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use warmline_api::{CallPage, Report, call::CallView};

use crate::{
    address::{Address, Here},
    alerts::Alerts,
    browser,
    keys::{Keys, KeysDialog, Shortcut},
    me::{Me, WhoAmI},
    shown::{Shown, ShownPage, program},
    store::{Link, Store},
    texts::t,
    ui::memo,
    words,
};

/// The calls as of one event of the log. The server provides it as context; without it a page starts empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The last event it holds.
    pub seq: u64,
    /// Open calls and the latest ended ones; on `/call/{id}` that call too.
    pub calls: Vec<CallView>,
}

/// What the form says before anybody presses Call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeskInfo {
    /// The first supervisor's number, masked.
    pub supervisor: Option<String>,
    /// Whether a human can be reached at all.
    pub escalation: bool,
    /// A sentence for each thing that calls need and that is missing.
    pub missing: Vec<String>,
    /// Calls are placed on the embedded exchange.
    pub exchange: bool,
}

/// What the server gives a page. Provide it as context before rendering.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The page's path and query.
    pub address: String,
    /// The calls.
    pub snapshot: Snapshot,
    /// For the form.
    pub desk: DeskInfo,
    /// On `/history` what `GET /calls` answers for its query.
    pub history: Option<CallPage>,
    /// On `/setup` what the doctor found, where that was quick.
    pub report: Option<Report>,
}

/// What a page carries along for its hydration: all that the server's rendering depended on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PageData {
    address: String,
    snapshot: Snapshot,
    /// When it was rendered.
    #[serde(with = "warmline_api::call::moment")]
    now: Timestamp,
    /// Idempotency key of the form, so that a second submission never dials again.
    pub(crate) form_key: String,
    pub(crate) desk: DeskInfo,
    pub(crate) history: Option<CallPage>,
    pub(crate) report: Option<Report>,
}

/// The whole document. Provide a [`Given`] as context before rendering it.
pub fn shell(mut options: LeptosOptions) -> impl IntoView {
    let Given { address, snapshot, desk, history, report } = use_context().unwrap_or_default();
    let who = |id: &str| snapshot.calls.iter().find(|view| view.call.as_str() == id).map(words::who);
    let title = Shown::at(&Address::parse(&address)).title(who);
    options.output_name = program(&address).into();
    let (now, form_key) = (Timestamp::now(), browser::random_key());
    let page = PageData { address, snapshot, now, form_key, desk, history, report };
    // A '<' could end the script element early, or begin a comment in which its end is not seen.
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
                <script src="/browser.js"></script>
                <script type="application/json" id="snapshot" inner_html=json></script>
                <HydrationScripts options/>
                <title>{title}</title>
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
    let page: PageData = use_context().unwrap_or_default();
    let here = Here::follow(&page.address);
    provide_context(here);
    let store = Store::new(page.snapshot, page.now);
    provide_context(store.clone());
    provide_context(Me::new());
    let keys = Keys::new();
    provide_context(keys);
    for (shortcut, link) in
        [(Shortcut::ToForm, "nav-call"), (Shortcut::ToConsole, "nav-console"), (Shortcut::ToHistory, "nav-history")]
    {
        keys.on(shortcut, move || browser::click(link));
    }
    browser::follow(store);
    view! {
        <a class="skip" href="#main">{t().skip}</a>
        <Header/>
        <Alerts/>
        <main id="main" class="mx-auto w-full max-w-7xl px-4 pt-6 pb-16 sm:px-6"><ShownPage/></main>
        <KeysDialog/>
    }
}

#[component]
fn Header() -> impl IntoView {
    let t = t();
    view! {
        <header class="border-b border-line bg-surface">
            <div class="mx-auto flex w-full max-w-7xl flex-wrap items-center gap-x-6 gap-y-2 px-4 py-3 sm:px-6">
                <a href="/" class="flex items-center gap-2 font-semibold tracking-tight">
                    <img src="/favicon.svg" alt="" class="size-6"/>
                    "Warmline"
                </a>
                <nav aria-label=t.nav_pages class="-mx-2 flex gap-1 overflow-x-auto text-sm max-md:order-last max-md:w-full">
                    <NavLink to="/" name="call" text=t.nav_call/>
                    <NavLink to="/console" name="console" text=t.nav_console/>
                    <NavLink to="/history" name="history" text=t.nav_history/>
                    <NavLink to="/phone" name="phone" text=t.nav_phone/>
                    <NavLink to="/setup" name="setup" text=t.nav_setup/>
                    <a href="/docs" rel="external" class="nav-link">{t.nav_api}</a>
                </nav>
                <div class="ml-auto flex items-center gap-3">
                    <WhoAmI/>
                    <LinkState/>
                </div>
            </div>
        </header>
    }
    .into_any()
}

/// A link to one of the pages, marked where it leads to the one that is shown.
#[component]
fn NavLink(to: &'static str, name: &'static str, text: &'static str) -> impl IntoView {
    let here: Here = expect_context();
    let current = move || here.with(|here| here.path() == to).then_some("page");
    view! { <a href=to id=format!("nav-{name}") class="nav-link" aria-current=current>{text}</a> }.into_any()
}

/// Whether what the page shows is live.
#[component]
fn LinkState() -> impl IntoView {
    let store: Store = expect_context();
    let (link, now) = (store.link.clone(), store.now.clone());
    let shown = memo(move || match link.get() {
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
