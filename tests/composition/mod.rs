//! Policies without the attribute: the builder, the tower layer, answers over HTTP.

mod answers;
mod axum_layer;
mod build;
mod calls;
mod disagreements;
mod hops;
mod inbound;
mod layer;
mod layer_repeats;
mod readiness;
mod same;
mod shared;
mod sockets;
mod tonic_layer;
