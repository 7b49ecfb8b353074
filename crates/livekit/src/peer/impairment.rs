use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
};

/// A bad network on purpose, to try out what an application does then. Clones steer the same network.
#[derive(Clone, Debug, Default)]
pub struct Impairment(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    udp_cut: AtomicBool,
    loss_per_mille: AtomicU32,
    /// What was drawn last.
    drawn: AtomicU32,
}

impl Impairment {
    /// A network that is good as yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets no datagram through in either direction any more, or again.
    pub fn cut_udp(&self, cut: bool) {
        self.0.udp_cut.store(cut, Relaxed);
    }

    /// Loses received audio packets as if at random, so many of a thousand: the same ones each time.
    pub fn lose(&self, per_mille: u32) {
        self.0.loss_per_mille.store(per_mille, Relaxed);
    }

    pub(crate) fn is_udp_cut(&self) -> bool {
        self.0.udp_cut.load(Relaxed)
    }

    /// Whether to lose this datagram. The first byte tells media (RFC 7983) from the rest.
    pub(crate) fn loses(&self, datagram: &[u8]) -> bool {
        let loss = self.0.loss_per_mille.load(Relaxed);
        loss > 0 && datagram.first().is_some_and(|first| (128..192).contains(first)) && self.draw() < loss
    }

    /// The next of a fixed sequence of numbers below 1,000.
    fn draw(&self) -> u32 {
        let next = |drawn: u32| drawn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let drawn = self.0.drawn.fetch_update(Relaxed, Relaxed, |drawn| Some(next(drawn)));
        (next(drawn.unwrap_or_else(|drawn| drawn)) >> 8) % 1_000
    }
}
