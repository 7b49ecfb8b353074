//! Every value of a type that has no words on the wire.

use crate::{FixedLine, LeftCause};

/// Gives a type its `ALL`. A variant that is not named here does not compile.
macro_rules! all {
    ($name:ident { $($variant:ident),+ $(,)? }) => {
        impl $name {
            /// Every one, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        const _: fn($name) = |each| match each {
            $($name::$variant => {}),+
        };
    };
}

all!(LeftCause { Busy, NoAnswer, Declined, InvalidNumber, Unreachable, TrunkFailure, HungUp, Released, MediaLost });

all!(FixedLine { Hold, Connecting, Merged, CustomerLeft, Cancelled, TimeOver, Stopping, Trouble, VoicemailMessage });
