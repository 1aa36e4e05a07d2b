/// The look of a report: system fonts, light and dark, paper.
enum Stylesheet {
  /// Colours and classes of figures; series are Okabe and Ito's (2008), told apart with any colour vision.
  static let figure = """
    :root{--paper:#fffefb;--ink:#1c1e21;--soft:#5b6168;--line:#d9d9d4;--faint:#f3f2ec;
    --series0:#0072b2;--series1:#d55e00;--series2:#009e73;--series3:#b5548c;--series4:#a07000;
    --series5:#5b6168;--tint0:#9aa0a6;--tint1:#56b4e9;--tint2:#e69f00;--tint3:#009e73;--tint4:#cc79a7}
    @media (prefers-color-scheme:dark){:root{--paper:#15181b;--ink:#e6e6e1;--soft:#a2a8ae;
    --line:#363b40;--faint:#1e2226;--series0:#56b4e9;--series1:#f58b45;--series2:#2fc79a;
    --series3:#dd93bd;--series4:#e6b422;--series5:#a2a8ae}}
    @media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#ccc;--faint:#f4f4f4;
    --series0:#0072b2;--series1:#d55e00;--series2:#009e73;--series3:#b5548c;--series4:#a07000;
    --series5:#5b6168}}
    svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
    font-size:11px;fill:var(--ink)}
    svg .soft{fill:var(--soft)}
    svg .strong{font-weight:600}
    svg .token{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
    font-size:9.5px;fill:var(--soft)}
    svg .grid{stroke:var(--line);stroke-width:1;fill:none}
    svg .axis{stroke:var(--soft);stroke-width:1;fill:none}
    svg .mark{stroke:var(--ink);stroke-width:1;fill:none}

    """

  /// The page around them.
  static let page =
    figure + """
      *{box-sizing:border-box}
      html{color-scheme:light dark;background:var(--paper)}
      body{margin:0;color:var(--ink);font:16px/1.6 Charter,"Bitstream Charter","Iowan Old Style",
      Palatino,Georgia,"DejaVu Serif",serif}
      main{max-width:52rem;margin:0 auto;padding:3rem 1.25rem 5rem}
      h1,h2,nav,figcaption,caption,.verdict,.scroll,.number,.links{font-family:system-ui,-apple-system,
      "Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
      h1{font-size:2rem;line-height:1.2;letter-spacing:-.01em;margin:0 0 1rem}
      h2{font-size:1.3rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:1rem;
      border-top:1px solid var(--line)}
      p{margin:.75rem 0;overflow-wrap:anywhere;white-space:pre-line}
      header p{font-size:1.08rem}
      a{color:var(--series0)}
      nav{font-size:.9rem;margin:1.5rem 0}
      nav ol{margin:0;padding:0;list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
      .verdict{margin:1.25rem 0;padding:.8rem 1rem;background:var(--faint);font-size:.98rem;
      border-left:4px solid var(--series5);border-radius:0 4px 4px 0;break-inside:avoid}
      .verdict strong{display:block;font-size:.75rem;letter-spacing:.06em;text-transform:uppercase}
      .verdict p{margin:.15rem 0 0}
      .found{border-color:var(--series0)}.found strong{color:var(--series0)}
      .caution{border-color:var(--series1)}.caution strong{color:var(--series1)}
      figure{margin:1.75rem 0 2.25rem;break-inside:avoid}
      figure svg{display:block;width:100%;min-width:38rem;height:auto}
      figcaption,caption{font-size:.88rem;line-height:1.5;color:var(--soft);text-align:left}
      figcaption{margin-top:.6rem}
      figcaption b{color:var(--ink)}
      .links{white-space:nowrap}
      /* A shadow at an edge behind which there is more. */
      .scroll{overflow-x:auto;background:
      linear-gradient(to right,var(--paper) 40%,transparent) 0 0/48px 100% no-repeat local,
      linear-gradient(to left,var(--paper) 40%,transparent) 100% 0/48px 100% no-repeat local,
      linear-gradient(to right,#0004,transparent) 0 0/16px 100% no-repeat scroll,
      linear-gradient(to left,#0004,transparent) 100% 0/16px 100% no-repeat scroll}
      .scroll table{border-collapse:collapse;font-size:.88rem;line-height:1.45;min-width:50%;
      border-top:1.5px solid var(--ink);border-bottom:1.5px solid var(--ink);margin:.4rem 0 1.5rem}
      th,td{padding:.32rem 1rem .32rem 0;text-align:left;vertical-align:top;white-space:pre-line}
      .long{min-width:7rem}
      th:last-child,td:last-child{padding-right:0}
      thead th{font-weight:600;border-bottom:1px solid var(--soft)}
      tbody tr+tr>*{border-top:1px solid var(--line)}
      .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
      .facts th{font-weight:500;color:var(--soft);white-space:nowrap}
      .facts td,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
      font-size:.8rem;overflow-wrap:anywhere}
      pre{background:var(--faint);padding:.8rem 1rem;border-radius:4px;white-space:pre-wrap;line-height:1.5}
      @media (max-width:40rem){main{padding-top:1.5rem}h1{font-size:1.6rem}}
      @media print{main{max-width:none;padding:0}nav{display:none}body{font-size:11pt}
      .scroll{overflow:visible;background:none}figure svg{min-width:0}}
      """
}
