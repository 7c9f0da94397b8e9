//! What a service links: tower layers and a tracing layer that write masked lines in the house format.
