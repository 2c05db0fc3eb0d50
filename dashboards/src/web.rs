//! The page: files of `web/`, embedded as they are. Every view of the console is the same page, which reads its own
//! address; so the links in messages lead into it.

use std::sync::Arc;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{HeaderName, HeaderValue, header};

use crate::Faces;

/// The addresses at which the page answers.
const VIEWS: [&str; 5] = ["/", "/incidents/{id}", "/slos/{name}", "/rules/{name}", "/traces/{id}"];

const PAGE: Asset =
    Asset { path: "/", content_type: "text/html; charset=utf-8", body: include_str!("../web/index.html") };

const ASSETS: [Asset; 13] = [
    Asset::style("/assets/app.css", include_str!("../web/app.css")),
    Asset::style("/assets/runbook.css", include_str!("../web/runbook.css")),
    Asset { path: "/assets/mark.svg", content_type: "image/svg+xml", body: include_str!("../web/mark.svg") },
    Asset::script("/assets/app.js", include_str!("../web/app.js")),
    Asset::script("/assets/api.js", include_str!("../web/api.js")),
    Asset::script("/assets/dom.js", include_str!("../web/dom.js")),
    Asset::script("/assets/format.js", include_str!("../web/format.js")),
    Asset::script("/assets/parts.js", include_str!("../web/parts.js")),
    Asset::script("/assets/overview.js", include_str!("../web/overview.js")),
    Asset::script("/assets/detail.js", include_str!("../web/detail.js")),
    Asset::script("/assets/tenant.js", include_str!("../web/tenant.js")),
    Asset::script("/assets/trace.js", include_str!("../web/trace.js")),
    Asset::script("/assets/sql.js", include_str!("../web/sql.js")),
];

#[derive(Clone, Copy, Debug)]
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
}

pub(crate) fn routes(mut router: Router<Arc<Faces>>) -> Router<Arc<Faces>> {
    for path in VIEWS {
        router = router.route(path, get(|| async { PAGE }));
        // The same views of a tenant that is not the default one.
        router = router.route(&format!("/t/{{tenant}}{path}"), get(|| async { PAGE }));
    }
    for asset in ASSETS {
        router = router.route(asset.path, get(move || async move { asset }));
    }
    router
}

impl Asset {
    const fn style(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "text/css; charset=utf-8", body }
    }

    const fn script(path: &'static str, body: &'static str) -> Self {
        Self { path, content_type: "text/javascript; charset=utf-8", body }
    }
}

impl IntoResponse for Asset {
    fn into_response(self) -> axum::response::Response {
        // Asked for anew each time: after an upgrade nobody looks at half of the old page.
        let headers: [(HeaderName, HeaderValue); 2] = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        ];
        (headers, self.body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_no_inline_code_which_its_policy_would_not_run() {
        for forbidden in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
            assert!(!PAGE.body.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn what_others_wrote_is_only_ever_set_as_text() {
        for asset in ASSETS {
            for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!asset.body.contains(sink), "{} uses {sink}", asset.path);
            }
        }
    }

    #[test]
    fn every_file_that_the_page_or_a_script_names_is_served() {
        let served = |path: &str| ASSETS.iter().any(|asset| asset.path == path);
        for part in PAGE.body.split('"').filter(|part| part.starts_with("/assets/")) {
            assert!(served(part), "{part}");
        }
        for asset in ASSETS {
            let imports = asset.body.lines().filter_map(|line| line.split_once(" from \"./"));
            for (_, rest) in imports {
                let file = rest.split('"').next().unwrap_or_default();
                assert!(served(&format!("/assets/{file}")), "{} imports {file}", asset.path);
            }
        }
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for asset in ASSETS.into_iter().chain([PAGE]) {
            let foreign = asset.body.replace("http://www.w3.org/", "").contains("://");
            assert!(!foreign, "{} names another host", asset.path);
        }
    }
}
