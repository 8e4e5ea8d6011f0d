//! A call's way: each sentence of the contract on the order of policies, as a fact.
//!
//! The numbers in the comments are those of the contract's section 3, but where they say
//! otherwise.

mod blocking;
mod ends;
mod epochs;
mod futures;
mod guards;
mod limits;
mod pauses;
mod states;
