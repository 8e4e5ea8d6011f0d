//! A call's way: each sentence of the contract on the order of policies, as a fact.
//!
//! The numbers in the comments are those of the contract's section 3.

mod guards;
