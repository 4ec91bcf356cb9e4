//! Pictures of figures, as SVG.

/// Lines over one axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// The file's name without its ending.
    pub name: String,
    /// Above the picture.
    pub title: String,
    /// Under the horizontal axis, which is logarithmic.
    pub horizontal: String,
    /// Beside the vertical axis, which begins at zero.
    pub vertical: String,
    /// The lines: each a name and points from left to right.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}
