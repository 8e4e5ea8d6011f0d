//! Both ends of every connection are in this process: a crowd that waits needs many open files.

/// Raises this process's limit of open files, where the system has one and lets it. Where it does
/// not, connections that cannot be made count as failed visits, in both arms alike.
pub(super) fn raise_open_files() {
    #[cfg(unix)]
    unix::raise();
}

#[cfg(unix)]
mod unix {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// Two arms of 100 visits a second for 10 s, both ends of each, and the requests behind them.
    const WANTED: u64 = 8192;

    pub(super) fn raise() {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let wanted = maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
        if current.is_some_and(|current| current < wanted) {
            let raised = Rlimit {
                current: Some(wanted),
                maximum,
            };
            let _ = setrlimit(Resource::Nofile, raised);
        }
    }
}
