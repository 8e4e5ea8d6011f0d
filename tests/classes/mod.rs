//! What an error means to the policies: the contract's section 4, sentence by sentence.

mod effects;
mod nested;
mod tables;
mod which;
