//! Evaluates rules, keeps firing state, silences, routes and notifies; one file a notifier.
