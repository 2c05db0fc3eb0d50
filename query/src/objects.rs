//! The only files a session knows: the lake's Parquet files, to be read, under an address that SQL has no way to name.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use url::Url;

const SCHEME: &str = "lake";

pub(crate) fn lake_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("lake://files").expect("a scheme and a host")
}

/// Knows one store, and learns no other.
#[derive(Debug, Default)]
pub(crate) struct LakeFiles {
    store: Arc<ReadOnly>,
}

impl ObjectStoreRegistry for LakeFiles {
    fn register_store(&self, url: &Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        tracing::warn!(scheme = url.scheme(), "an object store was offered to a query session and refused");
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if url.scheme() == SCHEME {
            return Ok(Arc::clone(&self.store) as Arc<dyn ObjectStore>);
        }
        Err(DataFusionError::Plan(format!(
            "no files can be reached from here, so not '{}://' either",
            url.scheme()
        )))
    }
}

/// Reads Parquet files and does nothing else.
#[derive(Debug, Default)]
struct ReadOnly {
    files: LocalFileSystem,
}

impl fmt::Display for ReadOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lake's files, to be read")
    }
}

#[async_trait]
impl ObjectStore for ReadOnly {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        if location.extension() != Some("parquet") {
            return Err(refused("reading anything but Parquet"));
        }
        self.files.get_opts(location, options).await
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        Err(refused("writing"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(refused("writing"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        futures::stream::once(async { Err(refused("deleting")) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        futures::stream::once(async { Err(refused("listing")) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> object_store::Result<ListResult> {
        Err(refused("listing"))
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> object_store::Result<()> {
        Err(refused("copying"))
    }
}

fn refused(what: &str) -> object_store::Error {
    object_store::Error::NotSupported { source: format!("{what} is refused in a query session").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_knows_the_lake_and_no_other_store() {
        let files = LakeFiles::default();
        assert!(files.get_store(lake_url().as_ref()).is_ok());
        let local = Url::parse("file:///etc/passwd").expect("valid");
        assert!(files.get_store(&local).is_err());
        assert!(files.register_store(&local, Arc::new(LocalFileSystem::new())).is_none());
        assert!(files.get_store(&local).is_err());
    }

    #[tokio::test]
    async fn what_is_not_parquet_is_not_read_and_nothing_is_written() {
        let store = ReadOnly::default();
        let passwords = Path::from("etc/passwd");
        assert!(store.get_opts(&passwords, GetOptions::default()).await.is_err());
        assert!(store.put_opts(&passwords, PutPayload::new(), PutOptions::default()).await.is_err());
        assert!(store.list(None).next().await.expect("one answer").is_err());
    }
}
