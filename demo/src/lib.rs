//! Three simulated services that speak HTTP to each other, their customers and their history.
