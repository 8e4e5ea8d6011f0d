//! What the protocol of shared breakers promises, on real servers, on a simulated one, and in a model.

mod differential;
mod limits;
mod model;
mod scripts {
    mod announcements;
    mod clocks;
    mod expiry;
    mod probes;
    mod quorum;
    mod races;
    mod records;
    mod refusals;
    mod restoring;
    mod steering;
    mod windows;
}
mod stores;
