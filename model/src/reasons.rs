//! Lists of reasons of which each is counted: one list, from which the enum, the text and the metric all come.

/// Makes an enum of reasons: `Variant = "name in metrics";` after a comment, which is what an operator reads. It can be
/// copied, compared and sorted; counters are an array of `COUNT`, with the place `index`.
#[macro_export]
macro_rules! reasons {
    (
        $(#[doc = $about:literal])+
        pub enum $Reason:ident;
        $($(#[doc = $text:literal])+ $variant:ident = $name:literal;)+
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $Reason {
            $($(#[doc = $text])+ $variant,)+
        }

        impl $Reason {
            /// Every reason, in the order of `index`.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// How many reasons there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The place of this reason in an array of `COUNT` counters.
            pub const fn index(self) -> usize {
                self as usize
            }

            /// The name in metrics and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What an operator reads.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => concat!($($text),+).trim_ascii(),)+ }
            }
        }
    };
}

/// Makes a counter for each reason of an enum that [`reasons!`](crate::reasons) made.
#[macro_export]
macro_rules! reason_counters {
    ($(#[doc = $about:literal])+ pub struct $Counters:ident of $Reason:ident;) => {
        $(#[doc = $about])+
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $Counters([u64; $Reason::COUNT]);

        impl $Counters {
            pub(crate) fn count(&mut self, reason: $Reason) {
                self.0[reason.index()] += 1;
            }

            /// How often this happened.
            pub const fn of(&self, reason: $Reason) -> u64 {
                self.0[reason.index()]
            }

            /// How often anything of it happened.
            pub fn total(&self) -> u64 {
                self.0.iter().sum()
            }
        }
    };
}
