import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import type { IncidentEvidence } from '../../src/evidence/document.ts'
import { asHtml } from '../../src/evidence/report/html.ts'
import { incidentReport } from '../../src/evidence/report/incident.ts'
import { asMarkdown } from '../../src/evidence/report/markdown.ts'
import { bad, code, type Report, type Text } from '../../src/evidence/report/text.ts'
import { reportsForm } from '../../src/evidence/views.ts'
import { at, incident, openIncident } from './samples.ts'

const signer = 'ab'.repeat(32)
const told = (text: Text): Report => ({
  title: 't',
  subtitle: 's',
  sections: [{ title: '', blocks: [{ kind: 'paragraph', text }] }],
})
const inMarkdown = (text: Text) => asMarkdown(told(text)).split('\n')[4]
const inHtml = (text: Text) => /<section>\n<p>(.*)<\/p>\n<\/section>/s.exec(asHtml(told(text)))?.[1]

const ownTag =
  /^<(?:\/\w+|(?:header|main|section|h1|h2|p|ul|li|dl|dt|dd|table|thead|tbody|tr|pre|code|time|strong|span|div|th scope="col"|td(?: class="none")? data-column="[\w .-]+"|(?:span|div) class="(?:verdict )?(?:good|bad|unsure)"))>$/

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '[click](http://evil.example) ![x](http://evil.example/x.png)',
  'see http://evil.example/a_b or www.evil.example, mail bob@evil.example',
  '<http://evil.example> <bob@evil.example>',
  'a | b || c \\| d',
  '`code` ``more`` `|` \\`',
  '# heading',
  '- item\n- item\n\n| a | b |\n| --- | --- |\n| 1 | 2 |',
  '1. one\n2) two',
  '***bold*** __under__ ~~strike~~ ==mark==',
  '> quote',
  '```\nfence\n```',
  '---\n===\n***',
  '&lt;b&gt; &amp; &#60;',
  '</td></tr></table><h1>Contained</h1>',
  '\u202etxt.exe \u200bhidden\u0000 \u001b[2Jcleared \ud800 \u{e0041}',
  '[^1]: note',
  '[ref]: http://evil.example "x"',
  ':::tip $x^2$ {{ template }} {% raw %}',
]

describe('a text from outside', () => {
  it('is never markup in HTML', () => {
    for (const text of hostile) {
      for (const shown of [text, code(text), bad(text)]) {
        const html = inHtml(shown) ?? ''
        const own = html.replace(/<\/?(?:code|time)>|<span class="bad">|<\/span>/g, '')
        assert.doesNotMatch(own, /[<>"']/, html)
        assert.doesNotMatch(own, /&(?!amp;|lt;|gt;|quot;|#39;)/, html)
      }
    }
  })

  it('is never markup in Markdown: what could be some stands in code, and never breaks out of it', () => {
    for (const text of hostile) {
      for (const shown of [text, code(text), bad(text)]) {
        const line = inMarkdown(shown) ?? ''
        // Code spans of one backtick each, without one or a bar inside; and entities of our own, and bold of our own.
        const rest = line
          .replace(/`[^`|]+`/g, '')
          .replace(/&#(?:96|124);/g, '')
          .replace(/^\*\*|\*\*$/g, '')
        assert.doesNotMatch(rest, /[`|<>[\]\\*_~#&@=^${}]|:\/\/|www|^\s*(?:[-+>]|\d+[.)])\s/, line)
      }
    }
  })

  it('stays on its line, so that it cannot begin a row or a heading', () => {
    for (const text of hostile) {
      assert.doesNotMatch(inMarkdown(text) ?? '', /[\r\n\u2028\u2029]/)
      assert.equal(asMarkdown(told(text)).split('\n').length, asMarkdown(told('plain')).split('\n').length)
      assert.equal(asHtml(told(text)).split('\n').length, asHtml(told('plain')).split('\n').length)
    }
  })

  it('shows what it hides', () => {
    assert.equal(inMarkdown(code('\u202ea\u0000b\u200b')), '`‹U+202E›a‹U+0000›b‹U+200B›`')
    assert.equal(inHtml('\u001b[2Ja\tb'), '‹U+001B›[2Ja b')
  })

  it('is read as it is where it is prose', () => {
    const prose = 'It was found at 12:00:07.123 on 2026-03-01 (jose 6.2), by “Ana”; ça ira — наконец.'
    assert.equal(inMarkdown(prose), prose)
  })

  it('makes no row, link or picture in a whole report, wherever it stands', () => {
    for (const text of hostile) {
      const evidence = filled(incident({ events: [], signer: 's' }), text)
      const plain = filled(incident({ events: [], signer: 's' }), 'plain')
      const [html, markdown] = [asHtml(incidentReport(evidence, signer)), asMarkdown(incidentReport(evidence, signer))]
      const tags = (page: string) => [...page.replace(/<\/?time>/g, '').matchAll(/<[^>]*>/g)].length
      assert.equal(tags(html), tags(asHtml(incidentReport(plain, signer))))
      const [, body = ''] = html.split('<body>')
      for (const [tag] of body.matchAll(/<[^>]*>/g)) assert.match(tag, ownTag)
      const lines = asMarkdown(incidentReport(plain, signer)).split('\n')
      assert.equal(markdown.split('\n').length, lines.length)
      markdown.split('\n').forEach((line, i) => {
        const bars = (row = '') => [...row.matchAll(/\|/g)].length
        assert.equal(bars(line), bars(lines[i]), line)
      })
    }
  })
})

describe('a report', () => {
  const markdownOf = (evidence: IncidentEvidence) => asMarkdown(incidentReport(evidence, signer))

  it('begins with whether it is over, then what is open, then what happened', () => {
    const headings = [...markdownOf(openIncident({ events: [] })).matchAll(/^## (.*)$/gm)].map(([, title]) => title)
    assert.deepEqual(headings, [
      'What is open',
      'To know besides',
      'Timeline',
      'Steps',
      'Keys before and after',
      'Verifiers on the feed',
      'Instances made to look again',
      'Proof per instance',
      'Sessions ended',
      'Changes for review',
      'Record of the identity provider',
      'How to verify this file',
    ])
    assert.match(
      markdownOf(openIncident({ events: [] })),
      /^# Incident INC-42: compromised signing key\n\n.*\n\n> \*\*✗ Not contained\*\*/,
    )
  })

  it('tells of what is open its worst case and what to do', () => {
    const [, open = ''] = markdownOf(openIncident({ events: [] })).split('## What is open')
    const [part = ''] = open.split('\n## ')
    assert.match(
      part,
      /^- the verifier billing\/2 has not acknowledged: it may accept the key until `2026-03-01T13:00:00\.000Z`$/m,
    )
    assert.equal(part.split('legacy.example.com').length, 2, 'it is told once')
    assert.match(
      part,
      /`http:\/\/legacy\.example\.com:9090` \|.*\| jose keeps a key set for 10 minutes\. Until 2026-03-01 12:10:04\.000\. \| Restart it/,
    )
  })

  it('leaves out what the table of instances tells, and nothing else that is about one of them', () => {
    const evidence = openIncident({ events: [] })
    evidence.verdict.open.push('http://legacy.example.com:9090: nobody knows who runs it')
    assert.match(markdownOf(evidence), /^- `http:\/\/legacy\.example\.com:9090`: nobody knows who runs it$/m)
  })

  it('says of an instance without a bound that it goes on without an end', () => {
    const evidence = openIncident({ events: [] })
    for (const instance of evidence.instances)
      if (instance.worstCase) instance.worstCase = { text: 'aws-jwt-verify looks never.', until: null }
    assert.match(markdownOf(evidence), /\*\*✗ aws-jwt-verify looks never\. Without an end\.\*\*/)
  })

  it('says what is open besides where the incident is contained, and that nothing was probed where nothing was named', () => {
    const some = incident(
      { events: [] },
      { verdict: { contained: true, open: ['Administration is still frozen.'], notes: [] } },
    )
    assert.match(markdownOf(some), /\*\*\? Contained, with 1 point open\*\*/)
    const none = incident({ events: [] }, { instances: [] })
    assert.match(markdownOf(none), /No API instance was named, so none was probed\./)
  })

  it('says in its first lines where more stands, and nothing of a feed on which nobody is', () => {
    const notes = ['no token by the compromised key: its private half is gone']
    const contained = markdownOf(incident({ events: [] }, { verdict: { contained: true, open: [], notes } }))
    assert.match(contained, /\*\*✓ Contained\*\*\n>\n> .*The limits of what was seen stand under “To know besides”\.\n/)
    assert.doesNotMatch(contained, /What is open stands below/)
    const revision = { epoch: 3, n: 118 }
    const nobody = incident({ events: [] }, { acknowledgements: { revision, acknowledged: [], missing: [] } })
    assert.match(markdownOf(nobody), /seen to refuse it\. No verifier is on the feed\.\n/)
  })

  it('says why an incident is not contained where nobody could look', () => {
    const evidence = incident({ events: [] }, { verdict: { contained: false, open: ['x'], notes: [] } })
    const step = evidence.incident.steps.find(({ name }) => name === 'verifiers')
    Object.assign(step ?? {}, { state: 'failed' })
    assert.match(
      markdownOf(evidence),
      /Not contained\*\*\n>\n> The step verifiers was not done\. What is open stands below/,
    )
  })

  it('has keys by fingerprint before and after, and who acknowledged when', () => {
    const report = markdownOf(incident({ events: [] }))
    assert.match(
      report,
      /\(compromised\) \| signing-es256 \(ES256\) \| active \| \*\*✓ revoked 2026-03-01 12:00:01\.900, compromised\*\* \|/,
    )
    assert.match(report, /\| `api\/8081` \| .* \| \*\*✓ 2026-03-01 12:00:02\.100\*\* \|/)
  })

  it('says what became of a step that failed', () => {
    const evidence = incident({ events: [] })
    const step = evidence.incident.steps.find(({ name }) => name === 'refresh')
    Object.assign(step ?? {}, { state: 'failed', error: { code: 'FILE_FAILED', message: 'the list cannot be read' } })
    assert.match(markdownOf(evidence), /\| refresh \| \*\*✗ failed\*\* the list cannot be read \(`FILE_FAILED`\) \|/)
  })

  it('in HTML runs nothing and fetches nothing, and has the one style that its own policy allows', () => {
    const html = asHtml(incidentReport(incident({ events: [] }), signer))
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(html) ?? []
    assert.ok(html.includes(`default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'`))
    assert.doesNotMatch(html, /\b(?:src|href|style)=|url\(|@import/)
  })

  it('is the same in every place of the world and by every clock', () => {
    const zone = process.env.TZ
    const here = markdownOf(incident({ events: [] }))
    process.env.TZ = 'Pacific/Chatham'
    assert.equal(markdownOf(incident({ events: [] })), here)
    process.env.TZ = zone ?? 'UTC'
  })

  it('is rendered as it was in this form: who changes how it looks says so by another number', () => {
    const report = incidentReport(openIncident({ events: [] }), signer)
    const digests = [asMarkdown(report), asHtml(report)].map((text) => hash('sha256', text).slice(0, 16))
    assert.deepEqual([reportsForm, ...digests], [1, '56a366062e6ab9b7', '4dd7bd609c3217d8'])
  })
})

/** Hostile text in every place where somebody outside can put one. */
function filled(evidence: IncidentEvidence, text: string): IncidentEvidence {
  const [instance] = evidence.instances
  if (!instance) throw new Error('there is none')
  const key = {
    kid: text,
    keyring: text,
    algorithm: text,
    state: text,
    thumbprint: text,
    reason: text,
    revokedAt: text,
  }
  return {
    ...evidence,
    provider: { kind: text, issuer: text },
    sealedBy: { runner: text, clockOffsetMs: 0, software: text },
    incident: {
      ...evidence.incident,
      plan: { ...evidence.incident.plan, reason: text, kid: 'k' },
      openedBy: text,
      frozen: false,
      unfrozenAt: text,
      unfrozenBy: text,
      timeline: [{ at: at(1), what: text, by: text, details: { [text]: text } }],
      steps: evidence.incident.steps.map((step) => ({
        ...step,
        runner: text,
        startedAt: text,
        error: { code: text, message: text },
      })),
    },
    keys: { before: [key], after: [key] },
    acknowledgements: {
      revision: { epoch: 1, n: 1 },
      acknowledged: [{ id: text, library: text, at: text }],
      missing: [{ id: text, library: text, acceptsUntil: text }],
    },
    refreshes: [
      {
        url: text,
        address: text,
        path: text,
        outcome: 'failed',
        at: text,
        denied: false,
        answeredBy: [text],
        message: text,
        reply: { text },
      },
    ],
    instances: [
      {
        ...instance,
        url: text,
        address: text,
        library: text,
        oldRefused: false,
        problems: [text],
        fallback: text,
        worstCase: { text, until: null },
      },
    ],
    changes: {
      since: text,
      until: text,
      changes: [{ at: text, action: text, actor: text, because: text, event: {} }],
      truncated: true,
      note: text,
    },
    record: {
      signer: text,
      events: [
        { event: text },
        { event: JSON.stringify({ seq: 1, id: text, at: text, action: text, actor: text, details: {} }) },
      ],
      incomplete: text,
    },
    verdict: { contained: false, open: [text], notes: [text] },
  }
}
