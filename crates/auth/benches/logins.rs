//! What a wrong password costs whoever tries it: the same for a name that is known, one that is not, and one that is
//! disabled, so that nobody learns who is there. `cargo bench -p auth --profile dev` reuses the build of the tests.

#![expect(clippy::unwrap_used, reason = "a benchmark may end at the first surprise")]

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use auth::{Access, Declared, NewUser, Settings, UserChange};
use state::{Location, State};
use stdx::{Clock, ManualClock, Secret, SystemClock};

/// Attempts by turns, so that a busy machine does the same to all.
const ROUNDS: usize = 60;
/// Longer than any door stays locked.
const DAY: Duration = Duration::from_secs(86_400);
const NAMES: [&str; 3] = ["known", "unknown", "disabled"];

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "a benchmark tells what it measured")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&Location::File(folder.path().join(Location::FILE))).await.unwrap();
    let clock = Arc::new(ManualClock::at(UNIX_EPOCH + 20_000 * DAY));
    let dyn_clock: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let access = Access::closed(state, Declared::default(), Settings::default(), dyn_clock).await.unwrap();
    for name in ["known", "disabled"] {
        access.add_user(NewUser { name: name.to_owned(), ..NewUser::default() }).await.unwrap();
        access.set_password(name, &Secret::new("correct horse battery".to_owned())).await.unwrap();
    }
    access.change_user("disabled", UserChange { disabled: Some(true), ..UserChange::default() }).await.unwrap();
    let wrong = Secret::new("wrong password here".to_owned());
    let mut millis = NAMES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (name, millis) in NAMES.iter().zip(&mut millis) {
            clock.advance(DAY);
            let begun = SystemClock.instant();
            access.login(name, &wrong).await.unwrap_err();
            millis.push(SystemClock.instant().duration_since(begun).as_secs_f64() * 1e3);
        }
    }
    for (name, mut millis) in NAMES.iter().zip(millis) {
        millis.sort_by(f64::total_cmp);
        let at = |share: usize| millis[(ROUNDS - 1) * share / 100];
        println!("{name}: {:.1} ms (p10 {:.1}, p90 {:.1})", at(50), at(10), at(90));
    }
    println!("passwords verified: {} in {} attempts", access.passwords_verified(), ROUNDS * NAMES.len());
}
