// Style, script and marks of the home page.

enum HomePageAssets {
    static let icon =
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 24 24'%3E%3Crect width='24' "
        + "height='24' rx='6' fill='%230b7285'/%3E%3Cpath d='M4 9c4-4 6 4 10 0s4 0 6-1M4 16c4-4 6 4 10 0s4 0 6-1' "
        + "stroke='white' stroke-width='2.4' fill='none' stroke-linecap='round'/%3E%3C/svg%3E"

    static let mark =
        "<svg viewBox='0 0 24 24' aria-hidden=true><rect width=24 height=24 rx=6 fill=var(--accent) />"
        + "<path d='M4 9c4-4 6 4 10 0s4 0 6-1M4 16c4-4 6 4 10 0s4 0 6-1' stroke=white stroke-width=2.4 fill=none "
        + "stroke-linecap=round /></svg>"

    /// Fetches the page again and puts the fresh numbers in place; stays quiet while the page is hidden.
    static let script = """
        setInterval(async()=>{if(document.hidden)return;try{const t=await(await fetch('/')).text();\
        const n=new DOMParser().parseFromString(t,'text/html').getElementById('live');\
        if(n)document.getElementById('live').replaceWith(n)}catch(e){}},5000)
        """

    static let style = """
        :root{--bg:#f6f8f9;--card:#fff;--ink:#16222b;--dim:#5d6f7b;--line:#dfe6ea;--accent:#0b7285;--good:#2b8a3e;\
        --warn:#c77700;--bad:#c92a2a;--good-bg:#e6f4ea;--warn-bg:#fdf1de;--bad-bg:#fbe9e9}
        @media(prefers-color-scheme:dark){:root{--bg:#0f161b;--card:#172129;--ink:#e4ecf1;--dim:#8fa3b0;--line:#27353f;\
        --accent:#22a5bd;--good:#51cf66;--warn:#ffb454;--bad:#ff7b7b;--good-bg:#15301d;--warn-bg:#3a2a10;--bad-bg:#3d1a1c}}
        *{box-sizing:border-box}
        body{margin:0 auto;max-width:1180px;padding:1.6rem 1.2rem 3rem;background:var(--bg);color:var(--ink);\
        font:15px/1.45 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}
        a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
        .mono,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.92em}
        .dim,footer,.row p,th{color:var(--dim)}
        .top{display:flex;align-items:center;gap:.8rem;margin-bottom:1.2rem;flex-wrap:wrap}
        h1{font-size:1.5rem;margin:0;display:flex;align-items:center;gap:.6rem;letter-spacing:-.01em}
        h1 svg{width:1.9rem;height:1.9rem}
        h2{font-size:.82rem;text-transform:uppercase;letter-spacing:.07em;color:var(--dim);margin:0 0 .6rem}
        .badge{padding:.15rem .7rem;border-radius:1rem;font-weight:600;font-size:.88rem}
        .badge.good{background:var(--good-bg);color:var(--good)}
        .badge.warn{background:var(--warn-bg);color:var(--warn)}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.8rem;margin-bottom:1rem}
        .tile,section{background:var(--card);border:1px solid var(--line);border-radius:.7rem}
        .tile{padding:.8rem 1rem}.tile b{display:block;font-size:1.45rem;line-height:1.2;font-weight:650;\
        font-variant-numeric:tabular-nums;white-space:nowrap}
        .tile i{font-style:normal;color:var(--dim);font-weight:400}.tile span{color:var(--dim);font-size:.88rem}
        .tile.warn{border-color:var(--warn)}.tile.warn b{color:var(--warn)}
        .tile.bad{border-color:var(--bad)}.tile.bad b{color:var(--bad)}
        .columns{display:grid;grid-template-columns:3fr 2fr;gap:1rem;margin-bottom:1rem;align-items:start}
        @media(max-width:820px){.columns{grid-template-columns:1fr}}
        section{padding:1rem 1.1rem;overflow-x:auto}
        table{border-collapse:collapse;width:100%}th{font-weight:500;font-size:.84rem;text-align:left}
        th,td{padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:middle}
        tr:last-child td{border-bottom:0}
        .num{text-align:right;font-variant-numeric:tabular-nums;padding-right:0;padding-left:.6rem}
        td.warn{color:var(--warn);font-weight:600}td.bad{color:var(--bad);font-weight:600}
        .dots{display:flex;flex-wrap:wrap;gap:4px;align-items:center;max-width:15rem}
        .dot{width:.72rem;height:.72rem;border-radius:50%;display:inline-block}
        .dot.good{background:var(--good)}.dot.warn{background:var(--warn);border-radius:2px}
        .dot.bad{background:none;border:3px solid var(--bad)}
        .row{display:flex;justify-content:space-between;gap:1rem;padding:.55rem 0;border-bottom:1px solid var(--line);\
        align-items:flex-start;flex-wrap:wrap}
        .row:last-child{border-bottom:0;padding-bottom:0}.row p{margin:.1rem 0 0;font-size:.9rem}
        .row>div{flex:1 1 12rem}
        details{flex:0 1 auto;text-align:right}details[open]{flex:1 1 100%;text-align:left}
        summary{cursor:pointer;color:var(--dim);font-size:.88rem}
        form{display:flex;flex-wrap:wrap;gap:.6rem;align-items:end;margin:0}details form{padding:.6rem 0 .2rem}
        label span{display:block;font-size:.8rem;color:var(--dim)}label.check,.bar label{display:flex;gap:.35rem;align-items:center}
        input:not([type=checkbox]),select{font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);\
        border-radius:.4rem;padding:.3rem .5rem;min-width:8rem;max-width:100%}
        button{font:inherit;font-size:.9rem;font-weight:600;border:1px solid var(--accent);color:var(--accent);background:none;\
        border-radius:.4rem;padding:.25rem .9rem;cursor:pointer}
        button:hover,button:focus-visible{background:var(--accent);color:var(--card)}
        button.danger{border-color:var(--bad);color:var(--bad)}button.danger:hover{background:var(--bad);color:var(--card)}
        .bar{margin-bottom:1rem;align-items:center}footer{font-size:.88rem}
        code{color:var(--dim);overflow-wrap:anywhere}
        """
}
