//! Words of the language for values of the configuration, and the other way round.

use commands::{
    BackupWhen, Comparison, Midway, PredictorName, Refusal, ServiceState, Strategy, TimeoutState,
};
use director::{SwitchStrategy, TcpWithoutConnection, TimeoutsDraft, VirtualTimeoutsDraft};

macro_rules! words {
    ($($meant_by:ident, $word_for:ident: $word:ident, $meant:ty { $($value:ident),+ })+) => {
        $(
            pub(super) const fn $meant_by(word: $word) -> $meant {
                match word {
                    $($word::$value => <$meant>::$value),+
                }
            }

            pub(super) const fn $word_for(meant: $meant) -> $word {
                match meant {
                    $(<$meant>::$value => $word::$value),+
                }
            }
        )+
    };
}

words! {
    predictor, predictor_word: PredictorName, director::Predictor {
        LeastConnections, WeightedLeastConnections, Fastest, RoundRobin, WeightedRoundRobin, SourceHash, Maglev
    }
    refusal, refusal_word: Refusal, director::Refusal { Drop, Reset }
    backup_when, backup_when_word: BackupWhen, director::BackupWhen { Failed, Busy }
    without_connection, without_connection_word: Midway, TcpWithoutConnection { Drop, Reset, Admit }
    strategy, strategy_word: Strategy, SwitchStrategy { Manual, Automatic }
    comparison, comparison_word: Comparison, director::Comparison { Count, Weighted, Required }
}

pub(super) const TIMEOUT_STATES: [TimeoutState; 6] = [
    TimeoutState::Syn,
    TimeoutState::Established,
    TimeoutState::HalfClosed,
    TimeoutState::Closed,
    TimeoutState::Reset,
    TimeoutState::Udp,
];

pub(super) const fn general_timeout(timeouts: &mut TimeoutsDraft, state: TimeoutState) -> &mut u64 {
    match state {
        TimeoutState::Syn => &mut timeouts.tcp_syn_s,
        TimeoutState::Established => &mut timeouts.tcp_established_s,
        TimeoutState::HalfClosed => &mut timeouts.tcp_half_closed_s,
        TimeoutState::Closed => &mut timeouts.tcp_closed_s,
        TimeoutState::Reset => &mut timeouts.tcp_reset_s,
        TimeoutState::Udp => &mut timeouts.udp_s,
    }
}

pub(super) const fn own_timeout(
    timeouts: &mut VirtualTimeoutsDraft,
    state: TimeoutState,
) -> &mut Option<u64> {
    match state {
        TimeoutState::Syn => &mut timeouts.tcp_syn_s,
        TimeoutState::Established => &mut timeouts.tcp_established_s,
        TimeoutState::HalfClosed => &mut timeouts.tcp_half_closed_s,
        TimeoutState::Closed => &mut timeouts.tcp_closed_s,
        TimeoutState::Reset => &mut timeouts.tcp_reset_s,
        TimeoutState::Udp => &mut timeouts.udp_s,
    }
}

pub(super) const fn is_in_service(state: ServiceState) -> bool {
    matches!(state, ServiceState::Is)
}

pub(super) const fn service(is_in_service: bool) -> &'static str {
    if is_in_service { "in service" } else { "out of service" }
}
