/*-------------------------------------------------------------------------
 *
 * report_html.c
 *	  Pieces of the page that dtsmig.report makes: text, and charts as SVG
 *	  (Scalable Vector Graphics 1.1, W3C), without any script.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "api/report_html.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "pgtime.h"

/* The drawing, in units of the SVG. */
#define WIDTH 640
#define HEIGHT 220
#define LEFT 58
#define RIGHT 12
#define TOP 12
#define BOTTOM 26
#define PLOT_W (WIDTH - LEFT - RIGHT)
#define PLOT_H (HEIGHT - TOP - BOTTOM)

void
html_text(StringInfo buf, const char *text)
{
	char	   *utf8;
	const unsigned char *end;

	if (text == NULL)
		return;
	utf8 = pg_server_to_any(text, strlen(text), PG_UTF8);
	end = (const unsigned char *) utf8 + strlen(utf8);
	for (const unsigned char *p = (const unsigned char *) utf8; p < end;)
	{
		int			len = pg_utf_mblen(p);

		/* a character that is cut off */
		if (len > end - p)
		{
			appendStringInfoChar(buf, '?');
			break;
		}
		if (len == 1)
		{
			switch (*p)
			{
				case '&':
					appendStringInfoString(buf, "&amp;");
					break;
				case '<':
					appendStringInfoString(buf, "&lt;");
					break;
				case '>':
					appendStringInfoString(buf, "&gt;");
					break;
				case '"':
					appendStringInfoString(buf, "&quot;");
					break;
				case '\'':
					appendStringInfoString(buf, "&#39;");
					break;
				default:
					/* a page must not have control characters */
					appendStringInfoChar(buf, *p < 0x20 && *p != '\n' && *p != '\t' ?
										 ' ' : *p == 0x7F ? ' ' : *p);
			}
		}
		else
			appendStringInfo(buf, "&#x%X;", (unsigned int) utf8_to_unicode(p));
		p += len;
	}
}

char *
human_number(double value, bool binary)
{
	static const char *const decimal[] = {"", " k", " M", " G", " T", " P"};
	static const char *const bytes[] = {" B", " kB", " MB", " GB", " TB", " PB"};
	double		base = binary ? 1024 : 1000;
	int			i = 0;

	while (fabs(value) >= base && i < 5)
	{
		value /= base;
		i++;
	}
	/* 3 digits or so, no zeros behind the point */
	return psprintf(value == floor(value) || fabs(value) >= 100 ? "%.0f%s" :
					fabs(value) >= 1 ? "%.1f%s" : "%.2g%s", value,
					binary ? bytes[i] : decimal[i]);
}

/* A step of 1, 2 or 5 times a power of the base, some of which make up max. */
static double
nice_step(double max, bool binary)
{
	double		unit = 1;
	double		step;

	if (binary)
		while (max / unit >= 4096)
			unit *= 1024;
	step = pow(10, floor(log10(max / unit / 4)));
	if (max / unit / step > 25)
		step *= 5;
	if (max / unit / step > 10)
		step *= 2.5;
	if (max / unit / step > 5)
		step *= 2;
	return step * unit;
}

static char *
time_label(double at, double span)
{
	pg_time_t	t = (pg_time_t) at;
	struct pg_tm *tm = pg_localtime(&t, session_timezone);
	char		text[64] = "";

	if (tm != NULL)
		pg_strftime(text, sizeof(text), span > 2 * 86400 ? "%d %b" :
					span > 43200 ? "%d %b %H:%M" :
					span > 900 ? "%H:%M" : "%H:%M:%S", tm);
	return pstrdup(text);
}

static double
chart_max(const Chart *c)
{
	double		max = 0;

	for (int s = 0; s < c->nseries; s++)
		for (int i = 0; i < c->n; i++)
			if (!isnan(c->series[s].y[i]))
				max = Max(max, c->series[s].y[i]);
	return max;
}

/* One run of points without a gap: a line, and its area for the first series. */
static void
run_append(StringInfo buf, const Chart *c, const ChartSeries *s, int from,
		   int to, double x0, double span, double max)
{
	StringInfoData points;
	double		first = 0;
	double		last = 0;

	initStringInfo(&points);
	for (int i = from; i < to; i++)
	{
		last = LEFT + (c->x[i] - x0) / span * PLOT_W;
		if (i == from)
			first = last;
		appendStringInfo(&points, "%s%.1f,%.1f", i == from ? "" : " ", last,
						 TOP + PLOT_H - s->y[i] / max * PLOT_H);
	}
	if (to - from == 1)
		appendStringInfo(&points, " %.1f,%.1f", last + 1.5,
						 TOP + PLOT_H - s->y[from] / max * PLOT_H);
	if (s == &c->series[0] && to - from > 1)
		appendStringInfo(buf, "<polygon class=\"area %s\" points=\"%.1f,%d %s %.1f,%d\"/>",
						 s->css, first, TOP + PLOT_H, points.data, last, TOP + PLOT_H);
	appendStringInfo(buf, "<polyline class=\"line %s\" points=\"%s\"/>\n", s->css,
					 points.data);
	pfree(points.data);
}

static void
series_append(StringInfo buf, const Chart *c, const ChartSeries *s, double x0,
			  double span, double max)
{
	int			from = 0;

	while (from < c->n)
	{
		int			to;

		if (isnan(s->y[from]))
		{
			from++;
			continue;
		}
		for (to = from + 1; to < c->n; to++)
			if (isnan(s->y[to]) || c->x[to] - c->x[to - 1] > c->gap)
				break;
		run_append(buf, c, s, from, to, x0, span, max);
		from = to;
	}
}

static void
axes_append(StringInfo buf, const Chart *c, double x0, double span, double max,
			double step)
{
	for (double v = 0; v <= max * 1.0001; v += step)
	{
		double		y = TOP + PLOT_H - v / max * PLOT_H;

		appendStringInfo(buf, "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
						 "<text class=\"tick\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s%s</text>\n",
						 LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4,
						 human_number(v, c->binary), c->unit);
	}
	for (int i = 0; i <= 4; i++)
		appendStringInfo(buf, "<text class=\"tick\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>\n",
						 LEFT + PLOT_W * i / 4, HEIGHT - 6,
						 i == 0 ? "start" : i == 4 ? "end" : "middle",
						 time_label(x0 + span * i / 4, span));
}

void
chart_append(StringInfo buf, const Chart *c)
{
	double		x0 = c->n > 0 ? c->x[0] : 0;
	double		span = c->n > 1 ? Max(c->x[c->n - 1] - x0, 1) : 1;
	double		max = chart_max(c);
	double		step;

	appendStringInfo(buf, "<figure><figcaption><b>%s</b>", c->title);
	for (int s = 0; s < c->nseries && c->nseries > 1; s++)
		appendStringInfo(buf, "<span class=\"key %s\">%s</span>", c->series[s].css,
						 c->series[s].name);
	appendStringInfoString(buf, "</figcaption>\n");
	if (c->n < 2)
	{
		appendStringInfoString(buf, "<p class=\"none\">No samples yet.</p></figure>\n");
		return;
	}
	if (max <= 0)
		max = 1;
	step = nice_step(max, c->binary);
	max = ceil(max / step) * step;
	appendStringInfo(buf, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">\n",
					 WIDTH, HEIGHT, c->title);
	axes_append(buf, c, x0, span, max, step);
	for (int s = c->nseries - 1; s >= 0; s--)
		series_append(buf, c, &c->series[s], x0, span, max);
	appendStringInfoString(buf, "</svg></figure>\n");
}
