//! Units that are no pair: of the same number, or with different keys. Both become active, and say why.

use crate::lab::deciding::{DecidingPair, Settings};
use crate::lab::pair::Half;
use crate::lab::wait;

fn both_active_and_unheard(pair: &DecidingPair) {
    for half in [&pair.a, &pair.b] {
        half.wait_until_active();
        let decisions = half.decisions();
        assert!(decisions["other"].is_null(), "{decisions:#}");
        let shown = half.view.command(&["failover"]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("Other host: not heard"), "{shown}");
    }
}

fn rejected(half: &Half, reason: &str) -> bool {
    half.decisions()["rejected"][reason].as_u64().is_some_and(|count| count > 0)
}

#[test]
fn two_units_of_the_same_role_do_not_hear_each_other_and_say_so() {
    let pair = DecidingPair::build(Settings { roles: ["primary", "primary"], ..Settings::default() });
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    both_active_and_unheard(&pair);
    for half in [&pair.a, &pair.b] {
        wait::until_equal("beats of its own number", true, || rejected(half, "own_unit"));
    }
}

#[test]
fn two_units_of_different_keys_do_not_hear_each_other_and_say_so() {
    let pair = DecidingPair::build(Settings::default());
    pair.write(&pair.b, "pair.key", &"42".repeat(32));
    pair.launch(&pair.a);
    pair.launch(&pair.b);
    both_active_and_unheard(&pair);
    for half in [&pair.a, &pair.b] {
        wait::until_equal("beats of another key", true, || rejected(half, "not_authentic"));
        wait::until_equal("what the cable says", "the other unit has another pair key".to_owned(), || {
            half.decisions()["cable"]["condition"].as_str().unwrap_or_default().to_owned()
        });
    }
}
