package main

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// A plot is one panel with logarithmic axes.
type plot struct {
	title, x, y string
	curves      []curve
}

type curve struct {
	name   string
	points [][2]float64
}

// Sizes of a panel in pixels: the whole, and what the axes leave.
const (
	panelWidth, panelHeight = 460, 340
	left, right, top, foot  = 62, 16, 34, 44
)

// colors tell servers apart for those who see few of them, too: the line of
// each has its own dashes and its name at its end.
var colors = []string{"#0b6e4f", "#c1121f", "#1d4ed8", "#7c3aed", "#b45309", "#475569"}

var dashes = []string{"", "6 3", "2 3", "8 3 2 3", "4 2", "1 4"}

// svg draws panels side by side.
func svg(panels ...plot) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">`+"\n", panelWidth*len(panels), panelHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/>`+"\n")
	for i, p := range panels {
		fmt.Fprintf(&b, `<g transform="translate(%d 0)">`+"\n", i*panelWidth)
		p.draw(&b)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

func (p plot) draw(b *bytes.Buffer) {
	minX, maxX, minY, maxY := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, c := range p.curves {
		for _, pt := range c.points {
			minX, maxX = min(minX, pt[0]), max(maxX, pt[0])
			minY, maxY = min(minY, pt[1]), max(maxY, pt[1])
		}
	}
	fmt.Fprintf(b, `<text x="%d" y="18" font-size="13" font-weight="bold">%s</text>`+"\n", left, p.title)
	if minX > maxX {
		return
	}
	minY, maxY = math.Pow(10, math.Floor(math.Log10(minY))), math.Pow(10, math.Ceil(math.Log10(maxY)))
	if minX == maxX {
		maxX *= 10
	}
	if minY == maxY {
		maxY *= 10
	}
	x := func(v float64) float64 {
		return left + math.Log(v/minX)/math.Log(maxX/minX)*(panelWidth-left-right)
	}
	y := func(v float64) float64 {
		return panelHeight - foot - math.Log(v/minY)/math.Log(maxY/minY)*(panelHeight-top-foot)
	}
	for v := minY; v <= maxY*1.001; v *= 10 {
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, y(v), panelWidth-right, left-6, y(v)+4, short(v))
	}
	for v := math.Pow(10, math.Ceil(math.Log10(minX))); v <= maxX*1.001; v *= 10 {
		fmt.Fprintf(b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(v), top, panelHeight-foot, x(v), panelHeight-foot+16, short(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+panelWidth-right)/2, panelHeight-8, p.x)
	fmt.Fprintf(b, `<text transform="translate(12 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+panelHeight-foot)/2, p.y)
	for i, c := range p.curves {
		color, dash := colors[i%len(colors)], dashes[i%len(dashes)]
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="`, color, dash)
		for _, pt := range c.points {
			fmt.Fprintf(b, "%.1f,%.1f ", x(pt[0]), y(pt[1]))
		}
		b.WriteString("\"/>\n")
		for _, pt := range c.points {
			fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(pt[0]), y(pt[1]), color)
		}
		fmt.Fprintf(b, `<path d="M%d %dh18" stroke="%s" stroke-width="2" stroke-dasharray="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			left+10, top+8+i*15, color, dash, left+33, top+12+i*15, c.name)
	}
}

// short is a power of ten in few letters.
func short(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}

// follow makes the curve of one server over rows.
func follow(m *measurements, server string, rows map[float64]string, at []float64, of func(result) float64) curve {
	c := curve{name: server}
	for _, v := range at {
		if r, ok := m.cell(server, rows[v]).median(); ok && of(r) > 0 {
			c.points = append(c.points, [2]float64{v, of(r)})
		}
	}
	return c
}

func peersPlot(m *measurements) []byte {
	sizes := map[float64]string{10: "curve: room of 10, 16 under way", 50: "curve: room of 50, 16 under way", 200: "room of 200, 16 under way", 500: "curve: room of 500, 16 under way"}
	loads := map[float64]string{10: "curve: 100 members, 10 msg/s", 40: "100 members, 40 msg/s", 160: "curve: 100 members, 160 msg/s", 640: "curve: 100 members, 640 msg/s", 2560: "curve: 100 members, 2560 msg/s"}
	work := plot{title: "Deliveries per CPU second", x: "members of the room, 16 messages under way", y: "deliveries per second of the server's CPU"}
	wait := plot{title: "Latency over load", x: "messages a second in a room of 100", y: "p99, milliseconds"}
	for _, s := range m.servers() {
		if s == nameRaw {
			continue // one point is no curve
		}
		work.curves = append(work.curves, follow(m, s, sizes, []float64{10, 50, 200, 500}, func(r result) float64 { return r.PerCPU }))
		wait.curves = append(wait.curves, follow(m, s, loads, []float64{10, 40, 160, 640, 2560}, func(r result) float64 { return float64(r.P99) / float64(time.Millisecond) }))
	}
	return svg(work, wait)
}

func scalingPlot(m *measurements) []byte {
	cost := func(r result) float64 {
		if r.PerCPU == 0 {
			return 0
		}
		return 1e6 / r.PerCPU
	}
	over := func(name, label string, sizes ...float64) curve {
		rows := map[float64]string{}
		for _, n := range sizes {
			rows[n] = fmt.Sprintf(name, int(n))
		}
		c := follow(m, nameSnug, rows, sizes, cost)
		c.name = label
		return c
	}
	members := plot{title: "One room", x: "members", y: "CPU µs a delivery", curves: []curve{
		over("members %d", "16 under way", 10, 30, 100, 300, 1000, 3000, 10000),
		over("members %d, 20 msg/s", "20 messages a second", 10, 30, 100, 300, 1000, 3000, 10000),
	}}
	rooms := plot{title: "Many rooms", x: "rooms", y: "CPU µs a delivery", curves: []curve{
		over("rooms %d", "all busy", 1, 10, 100, 1000, 5000),
	}}
	return svg(members, rooms)
}
