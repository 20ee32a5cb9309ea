import { html } from 'htm/preact';
import { useEffect, useRef } from 'preact/hooks';
import UPlot from 'uplot';
import { time, zone } from './words.ts';

export interface Line {
  readonly label: string;
  /** Name of a colour of the style sheet. */
  readonly color: string;
  readonly dash?: readonly number[];
  readonly width?: number;
  readonly isFilled?: boolean;
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  /** What the chart shows, for those who do not see it; the numbers stand in a table behind it. */
  readonly label: string;
  /** Seconds, rising. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** Seconds at which something was changed. */
  readonly marks: readonly number[];
  readonly format: (value: number) => string;
}

function colorOf(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Lines over time. It is drawn anew where its shape or the colours change, and only fed where numbers come. */
export function Chart({ label, times, lines, marks, format }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<UPlot | null>(null);
  const latest = useRef(marks);
  latest.current = marks;
  const data = [times, ...lines.map(({ values }) => values)] as unknown as UPlot.AlignedData;
  const shape = `${lines.map((line) => line.label).join()} ${zone()}`;
  useEffect(() => {
    const element = place.current!;
    const draw = (): void => {
      drawn.current?.destroy();
      drawn.current = new UPlot(optionsOf(lines, latest, format, element), data, element);
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    const sizes = new ResizeObserver(() =>
      drawn.current?.setSize({ width: element.clientWidth, height: heightOf(element) }),
    );
    sizes.observe(element);
    return () => {
      scheme.removeEventListener('change', draw);
      sizes.disconnect();
      drawn.current?.destroy();
      drawn.current = null;
    };
  }, [shape]);
  useEffect(() => drawn.current?.setData(data), [data]);
  return html`<div class="chart" role="img" aria-label=${label} ref=${place}></div>`;
}

function heightOf(element: HTMLElement): number {
  return element.clientWidth < 600 ? 220 : 320;
}

function optionsOf(
  lines: readonly Line[],
  marks: { readonly current: readonly number[] },
  format: (value: number) => string,
  element: HTMLElement,
): UPlot.Options {
  const [ink, grid] = [colorOf('dim'), colorOf('line')];
  const axis = {
    stroke: ink,
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
    font: '12px system-ui, "DejaVu Sans", sans-serif',
  };
  return {
    width: element.clientWidth,
    height: heightOf(element),
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), zone()),
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [Math.min(0, low), high * 1.06 || 1] } },
    axes: [
      { ...axis, space: 70, values: (_, ticks, __, ___, step) => ticks.map((at) => tickOf(at, step)) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      { label: 'Complete to', value: (_, at) => (at === null ? '–' : time(at * 1_000)) },
      ...lines.map(
        ({ label, color, dash, width = 2, isFilled }): UPlot.Series => ({
          label,
          stroke: colorOf(color),
          width,
          spanGaps: true,
          points: { show: false },
          value: (_, value) => (value === null || value === undefined ? '–' : format(value)),
          ...(dash === undefined ? {} : { dash: [...dash] }),
          ...(isFilled ? { fill: colorOf(`${color}-ground`) } : {}),
        }),
      ),
    ],
    hooks: { drawAxes: [(plot) => drawMarks(plot, marks.current)] },
  };
}

/** Hours where days would repeat themselves. */
function tickOf(seconds: number, step: number): string {
  const [day, , clock] = time(seconds * 1_000).split(/(, )/);
  return step >= 86_400 ? day : clock.slice(0, 5) === '00:00' ? day : clock.slice(0, 5);
}

/** Vertical lines where something was changed. */
function drawMarks(plot: UPlot, marks: readonly number[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.strokeStyle = colorOf('accent');
  for (const at of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}
