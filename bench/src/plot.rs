//! Pictures of figures, as SVG.

use std::cmp::Ordering;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

/// A picture's width and height.
const SIZE: (u32, u32) = (860, 480);

/// Colours that people with any eyesight tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Lines over one axis.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    /// The file's name without its ending.
    pub(crate) name: String,
    /// Above the picture.
    pub(crate) title: String,
    /// Under the horizontal axis, which is logarithmic.
    pub(crate) horizontal: String,
    /// Beside the vertical axis, which begins at zero.
    pub(crate) vertical: String,
    /// The lines: each a name and points from left to right.
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// A picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("can not draw {name}: {reason}")]
pub(crate) struct PlotError {
    name: String,
    reason: String,
}

impl Plot {
    /// The file's name.
    pub(crate) fn file(&self) -> String {
        format!("{}.svg", self.name)
    }

    /// Writes the picture into a folder.
    ///
    /// # Errors
    ///
    /// When the file can not be written.
    pub(crate) fn draw(&self, folder: &Path) -> Result<(), PlotError> {
        let path = folder.join(self.file());
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        self.draw_on(&area).map_err(|reason| PlotError { name: self.file(), reason: reason.to_string() })
    }

    fn draw_on<'a>(&self, area: &DrawingArea<SVGBackend<'a>, Shift>) -> Result<(), Failure<'a>> {
        area.fill(&WHITE)?;
        let (left, right, top) = self.ranges();
        let mut chart = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d((left..right).log_scale(), 0.0..top)?;
        chart
            .configure_mesh()
            .x_desc(&self.horizontal)
            .y_desc(&self.vertical)
            .x_label_formatter(&|value| short(*value))
            .y_label_formatter(&|value| short(*value))
            .max_light_lines(2)
            .light_line_style(BLACK.mix(0.05))
            .bold_line_style(BLACK.mix(0.15))
            .draw()?;
        for ((name, points), colour) in self.lines.iter().zip(COLOURS.into_iter().cycle()) {
            let points: Vec<_> = points.iter().copied().filter(|point| is_drawable(*point)).collect();
            let dots = points.iter().map(|&point| Circle::new(point, 3, colour.filled()));
            chart.draw_series(dots)?;
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()
    }

    /// Where the horizontal axis begins and ends, and the vertical one ends.
    fn ranges(&self) -> (f64, f64, f64) {
        let points = || self.lines.iter().flat_map(|(_, points)| points).filter(|point| is_drawable(**point));
        let left = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
        let right = points().map(|point| point.0).fold(f64::NEG_INFINITY, f64::max);
        let top = points().map(|point| point.1).fold(0.0, f64::max);
        // Room for the legend above; and an axis has a length even if there is nothing on it.
        let top = if top > 0.0 { top * 1.25 } else { 1.0 };
        match left.partial_cmp(&right) {
            Some(Ordering::Less) => (left, right, top),
            Some(Ordering::Equal) => (left / 2.0, right * 2.0, top),
            _ => (0.5, 2.0, top),
        }
    }
}

type Failure<'a> = DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>;

/// Whether a point has a place: the horizontal axis is logarithmic.
fn is_drawable((x, y): (f64, f64)) -> bool {
    x > 0.0 && x.is_finite() && y.is_finite()
}

/// A number as people write it on an axis: 65.5k, 200k, 8M.
fn short(value: f64) -> String {
    let (scaled, suffix) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(lines: Vec<(String, Vec<(f64, f64)>)>) -> Plot {
        Plot {
            name: "rate".to_owned(),
            title: "Rate".to_owned(),
            horizontal: "connections".to_owned(),
            vertical: "million packets per second".to_owned(),
            lines,
        }
    }

    /// The SVG of a plot.
    fn svg(plot: &Plot) -> String {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        plot.draw_on(&area).unwrap();
        drop(area);
        text
    }

    #[test]
    fn a_picture_has_its_words_and_lines() {
        let points = vec![(1.0, 60.0), (1_000.0, 55.0), (200_000.0, 40.0)];
        let svg = svg(&plot(vec![("ours".to_owned(), points.clone()), ("5tswap".to_owned(), points)]));
        for word in ["Rate", "connections", "million packets per second", "ours", "5tswap"] {
            assert!(svg.contains(word), "{word} is missing");
        }
        assert_eq!(svg.matches("<circle").count(), 6);
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        assert!(svg(&plot(Vec::new())).contains("</svg>"));
        let svg = svg(&plot(vec![("x".to_owned(), vec![(0.0, 1.0), (1.0, f64::NAN), (5.0, 2.0)])]));
        assert_eq!(svg.matches("<circle").count(), 1, "the one point that has a place");
    }

    #[test]
    fn numbers_on_axes_are_short() {
        for (value, expected) in
            [(0.0, "0"), (2.5, "2.5"), (1_000.0, "1k"), (65_536.0, "65.54k"), (8e6, "8M")]
        {
            assert_eq!(short(value), expected);
        }
    }
}
