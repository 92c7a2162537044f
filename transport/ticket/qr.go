package ticket

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strconv"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

const (
	// quietModules is the white border that a QR code needs to be found.
	quietModules = 4
	// ModulePixelsMax bounds the size of a picture: a code of 77 modules is 1,700 pixels wide then.
	ModulePixelsMax = 20
)

// QR is a code drawn as a QR code, with 15 % of it to spare for dirt and bad light (level M).
type QR struct{ modules barcode.Barcode }

// Draw draws a code.
func Draw(code string) (*QR, error) {
	modules, err := qr.Encode(code, qr.M, qr.Unicode)
	if err != nil {
		return nil, fmt.Errorf("draw a ticket's code: %w", err)
	}
	return &QR{modules}, nil
}

// Modules is how many modules the picture is wide and high, with its border.
func (q *QR) Modules() int { return q.modules.Bounds().Dx() + 2*quietModules }

// dark reports whether a module is black. The border is white.
func (q *QR) dark(x, y int) bool {
	x, y = x-quietModules, y-quietModules
	if size := q.modules.Bounds().Dx(); x < 0 || y < 0 || x >= size || y >= size {
		return false
	}
	return color.GrayModel.Convert(q.modules.At(x, y)) == color.Gray{}
}

// PNG draws the picture with so many pixels a module, 1 to [ModulePixelsMax].
func (q *QR) PNG(modulePixels int) ([]byte, error) {
	if modulePixels < 1 || modulePixels > ModulePixelsMax {
		return nil, fmt.Errorf("a module is 1 to %d pixels wide, not %d", ModulePixelsMax, modulePixels)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, q.raster(modulePixels)); err != nil {
		return nil, fmt.Errorf("draw a ticket's code: %w", err)
	}
	return out.Bytes(), nil
}

// SVG draws the picture as one path of black modules on white, of whatever size it is shown in.
func (q *QR) SVG() []byte {
	n := q.Modules()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path d="`, n, n, n, n)
	for y := range n {
		for x := 0; x < n; x++ {
			from := x
			for x < n && q.dark(x, y) {
				x++
			}
			if run := x - from; run > 0 {
				b.WriteString("M" + strconv.Itoa(from) + " " + strconv.Itoa(y) + "h" + strconv.Itoa(run) + "v1h-" + strconv.Itoa(run) + "z")
			}
		}
	}
	b.WriteString(`"/></svg>` + "\n")
	return []byte(b.String())
}

// raster makes a picture of black and white pixels.
func (q *QR) raster(modulePixels int) image.Image {
	side := q.Modules() * modulePixels
	m := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range side {
		for x := range side {
			if q.dark(x/modulePixels, y/modulePixels) {
				m.Pix[y*m.Stride+x] = 1
			}
		}
	}
	return m
}
