//! Pieces of Leptos' own, and of the standard library's, of which a browser loads less: made once for every type of value
//! instead of once for every closure.

use std::collections::BinaryHeap;

use leptos::{children::ViewFn, ev::MouseEvent, prelude::*};

/// A value that wakes its readers only when it changes.
pub(crate) fn memo<T: PartialEq + Send + Sync + 'static>(f: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    // A closure is another type for each way its function is called: this one must not know the type of 'f'.
    fn boxed<T: PartialEq + Send + Sync + 'static>(f: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
        Memo::new(move |_| f())
    }
    boxed(Box::new(f))
}

/// The smallest first. The code of a heap is a small part of what the standard library sorts with.
pub(crate) fn in_order<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BinaryHeap<_>>().into_sorted_vec()
}

/// What a click does, whatever the click's own details.
pub(crate) fn press(mut f: impl FnMut() + Send + 'static) -> Box<dyn FnMut(MouseEvent) + Send> {
    Box::new(move |_| f())
}

/// Text as the `inner_html` of a text area. Leptos writes the children of text areas, scripts and styles as they are: text
/// from outside must never be one of those children, it could end the element and begin others.
pub(crate) fn raw_text(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    // A parser drops the first line break of a text area.
    if escaped.starts_with('\n') { format!("\n{escaped}") } else { escaped }
}

/// Its children while the condition holds, else the fallback.
#[component]
pub(crate) fn Show<W: Fn() -> bool + Send + Sync + 'static>(
    when: W,
    children: ChildrenFn,
    #[prop(optional, into)] fallback: ViewFn,
) -> impl IntoView {
    either(memo(when), children, fallback)
}

fn either(first: Memo<bool>, children: ChildrenFn, fallback: ViewFn) -> AnyView {
    (move || if first.get() { children() } else { fallback.run() }).into_any()
}
