//! Puts it together: config, routes, errors to HTTP, start and drain; the lapidary command line.
