//! How attributes are called today and how they were called before. What arrives under an old name keeps it, and can be
//! found under the current one as well.

/// It holds passwords, and the conventions have dropped it.
pub(super) const NEVER_STORED: &[u8] = b"db.connection_string";

/// How much of the old attribute the current one takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Whole,
    /// Of a request's target what stands before the question mark.
    Path,
    /// And what stands behind it.
    Query,
}

/// Old name, current name. Of two old names for one, the first that came rules.
pub(super) const RENAMED: &[(&str, &str, Share)] = &[
    ("deployment.environment", "deployment.environment.name", Share::Whole),
    ("http.method", "http.request.method", Share::Whole),
    ("http.status_code", "http.response.status_code", Share::Whole),
    ("http.scheme", "url.scheme", Share::Whole),
    ("http.url", "url.full", Share::Whole),
    ("http.target", "url.path", Share::Path),
    ("http.target", "url.query", Share::Query),
    ("http.server_name", "server.address", Share::Whole),
    ("http.client_ip", "client.address", Share::Whole),
    ("http.user_agent", "user_agent.original", Share::Whole),
    // The name of the protocol is not in it: it says "1.1" or "2.0".
    ("http.flavor", "network.protocol.version", Share::Whole),
    ("db.system", "db.system.name", Share::Whole),
    ("db.name", "db.namespace", Share::Whole),
    ("db.redis.database_index", "db.namespace", Share::Whole),
    ("db.operation", "db.operation.name", Share::Whole),
    ("db.statement", "db.query.text", Share::Whole),
    ("db.sql.table", "db.collection.name", Share::Whole),
    ("db.mongodb.collection", "db.collection.name", Share::Whole),
    ("db.cassandra.table", "db.collection.name", Share::Whole),
    ("pool.name", "db.client.connection.pool.name", Share::Whole),
];

impl Share {
    #[inline]
    pub(super) fn of(self, text: &[u8]) -> Option<&[u8]> {
        if self == Self::Whole {
            return Some(text);
        }
        let mut parts = text.splitn(2, |byte| *byte == b'?');
        let path = parts.next();
        if self == Self::Path { path } else { parts.next() }
    }
}
