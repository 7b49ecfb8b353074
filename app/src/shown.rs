//! Which page is shown, and by which of the two programs that a browser loads.
//!
//! Within a program pages follow each other without being loaded anew; from one to the other the browser loads the page.

use leptos::prelude::*;

use crate::{
    address::{Address, Here},
    board::Board,
    browser,
    call::CallPage,
    console::Console,
    form::CallForm,
    history::HistoryPage,
    phone::PhonePage,
    setup::SetupPage,
    store::Store,
    texts::t,
    ui::memo,
    words,
};

/// Whether this program has the calls' pages, and whether it has the others. The server has all.
const HAS_CALLS: bool = !cfg!(feature = "only-others");
const HAS_OTHERS: bool = !cfg!(feature = "only-calls");

/// One of the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Home,
    Console,
    /// That call's.
    Call(String),
    History,
    Phone,
    Setup,
    /// There is none at that address.
    Nothing,
}

/// The name of the program for the page at an address, path and query: `/pkg/{name}.js`.
pub(crate) fn program(address: &str) -> &'static str {
    if Shown::at(&Address::parse(address)).is_of_calls() { "calls" } else { "others" }
}

impl Shown {
    pub(crate) fn at(address: &Address) -> Self {
        match address.path() {
            "/" | "" => Self::Home,
            "/console" => Self::Console,
            "/history" => Self::History,
            "/phone" => Self::Phone,
            "/setup" => Self::Setup,
            path => match path.strip_prefix("/call/") {
                Some(id) if !id.contains('/') => Self::Call(id.to_owned()),
                _ => Self::Nothing,
            },
        }
    }

    /// Whether this program can show it.
    pub(crate) fn is_here(&self) -> bool {
        if self.is_of_calls() { HAS_CALLS } else { HAS_OTHERS }
    }

    /// What the browser calls it. `who` knows the calls' customers.
    pub(crate) fn title(&self, who: impl Fn(&str) -> Option<String>) -> String {
        let t = t();
        let page = match self {
            Self::Home => return "Warmline".to_owned(),
            Self::Console => t.console_title,
            Self::Call(id) => &who(id).unwrap_or_else(|| t.nav_call.to_owned()),
            Self::History => t.history_history,
            Self::Phone => t.nav_phone,
            Self::Setup => t.setup_setup,
            Self::Nothing => t.lost_title,
        };
        format!("{page} · Warmline")
    }

    fn is_of_calls(&self) -> bool {
        !matches!(self, Self::History | Self::Phone | Self::Setup)
    }

    fn view(self) -> AnyView {
        // What is never shown here is not in the program either.
        match self {
            Self::Home if HAS_CALLS => view! { <Home/> }.into_any(),
            Self::Console if HAS_CALLS => view! { <Console/> }.into_any(),
            Self::Call(id) if HAS_CALLS => view! { <CallPage id/> }.into_any(),
            Self::History if HAS_OTHERS => view! { <HistoryPage/> }.into_any(),
            Self::Phone if HAS_OTHERS => view! { <PhonePage/> }.into_any(),
            Self::Setup if HAS_OTHERS => view! { <SetupPage/> }.into_any(),
            _ => view! { <NotFound/> }.into_any(),
        }
    }
}

/// The page at the address.
#[component]
pub(crate) fn ShownPage() -> impl IntoView {
    let (here, store): (Here, Store) = (expect_context(), expect_context());
    let shown = memo(move || here.with(Shown::at));
    let who = move |id: &str| store.call(id).map(|view| view.with(words::who));
    Effect::new(move |_| browser::set_title(&shown.with(|shown| shown.title(&who))));
    move || shown.get().view()
}

#[component]
fn Home() -> impl IntoView {
    view! {
        <div class="grid items-start gap-8 lg:grid-cols-[25rem_1fr]">
            <CallForm/>
            <Board link=|id| format!("/call/{id}")/>
        </div>
    }
    .into_any()
}

#[component]
fn NotFound() -> impl IntoView {
    let t = t();
    view! {
        <section class="mx-auto max-w-md py-16 text-center">
            <h1 class="text-xl font-semibold">{t.lost_title}</h1>
            <p class="mt-2 text-muted">{t.lost_about}</p>
            <a href="/" class="button mt-6">{t.call_to_calls}</a>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_one_page() {
        let shown = |address: &str| Shown::at(&Address::parse(address));
        assert_eq!(shown("/"), Shown::Home);
        assert_eq!(shown("/?phone=1"), Shown::Home);
        assert_eq!(shown("/console?call=outbound-1"), Shown::Console);
        assert_eq!(shown("/call/outbound-1"), Shown::Call("outbound-1".into()));
        for nothing in ["/call/a/b", "/call", "/consoles", "/history/1"] {
            assert_eq!(shown(nothing), Shown::Nothing, "{nothing}");
        }
        assert_eq!((program("/console?q=1"), program("/history?q=1")), ("calls", "others"));
    }

    #[test]
    fn a_call_is_called_by_its_customer_once_it_is_known() {
        let call = Shown::Call("outbound-1".into());
        assert_eq!(call.title(|_| Some("Ada".into())), "Ada · Warmline");
        assert_eq!(call.title(|_| None), "Call · Warmline");
        assert_eq!(Shown::Home.title(|_| None), "Warmline");
    }
}
