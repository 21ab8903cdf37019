import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readConfigFiles } from '../src/config/files/read.ts'
import { configVariables } from '../src/config.ts'
import { statusOf } from '../src/http/errors.ts'
import { ownKeyrings, ownNames } from '../src/keyrings/own.ts'
import { identityHeaders } from '../src/login/shown.ts'
import { newMetrics } from '../src/operations/metrics.ts'
import { upstreamPathOf } from '../src/proxy/paths/upstream.ts'

const text = readFileSync(new URL('../../../docs/bff.md', import.meta.url), 'utf8')

/** The text below a heading, up to the next one that is as high. */
function below(heading: string): string {
  const [marks = ''] = heading.split(' ')
  const [, rest = ''] = text.split(`\n${heading}\n`)
  assert.notEqual(rest, '', heading)
  return rest.split(new RegExp(`\n#{2,${marks.length}} `))[0] ?? ''
}

/** The cells of each line of the tables in a text, without their heads. */
const rowsIn = (part: string) =>
  [...part.matchAll(/^\| (?!-)(.*) \|$/gm)]
    .map(([, row = '']) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter(([first = '']) => first.startsWith('`'))

const namesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

describe('docs/bff.md', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bff-docs-'))
  after(() => rmSync(folder, { recursive: true }))

  it('has examples of all three files that are read as they stand there', () => {
    const files = [...text.matchAll(/^```yaml\n# (\w+\.yaml)\n([\s\S]*?)^```/gm)]
    assert.deepEqual(files.map(([, name]) => name).sort(), ['idps.yaml', 'pdp.yaml', 'routes.yaml'])
    for (const [, name = '', example = ''] of files) writeFileSync(join(folder, name), example)
    const env = { SSO_SECRET: 'of the issuer', PDP_SECRET: 'of the decision point' }
    const { idps, pdp, routes } = readConfigFiles(folder, env, { allowPlaintext: false, hasOtherIdp: false })
    assert.deepEqual(
      idps.map(({ name, check }) => [name, check.by]),
      [
        ['corporate', 'introspection'],
        ['partners', 'keys'],
      ],
    )
    assert.equal(pdp?.evaluation.href, 'https://pdp.internal/authzen/access/v1/evaluation')
    assert.deepEqual(pdp?.cache, { allowMs: 300_000, denyMs: 60_000, maxSize: 10_000 })
    assert.deepEqual(
      routes.map(({ auth }) => auth),
      ['session', 'bearer', 'session', 'link', 'none'],
    )
    const targets = routes.map((route) => route.targetService.origin + upstreamPathOf(route)(sampleOf(route.path)))
    assert.deepEqual(targets, [
      'https://orders.internal:8443/api/v2/orders/7',
      'https://orders.internal:8443/api/7',
      'https://events.internal/events/7',
      'https://orders.internal:8443/api/confirm/7',
      'https://events.internal/7',
    ])
  })

  it('has a proxy pass on no identity that the browser claims', () => {
    const [, location = ''] = /location \/reports\/ \{([\s\S]*?)\n\}/.exec(below('### Behind nginx')) ?? []
    const ada = {
      id: 'session-1',
      sub: 'ada',
      claims: { iss: 'https://idp.example', sub: 'ada' },
      accessToken: '',
      expiresAt: 0,
    }
    const given = [...Object.keys(identityHeaders(ada)), 'x-auth-claims']
    const replaced = [...location.matchAll(/proxy_set_header (\S+)/g)].map(([, name = '']) => name.toLowerCase())
    assert.deepEqual(
      given.filter((name) => !replaced.includes(name)),
      [],
    )
  })

  it('names every variable, and no other', () => {
    const named = rowsIn(below('## Variables')).flatMap(([names]) => namesIn(names))
    assert.deepEqual(named.sort(), [...configVariables].sort())
  })

  it('names every keyring with its kind', () => {
    const named = rowsIn(below('## Its own keyrings').split('###')[0] ?? '').map(([name, kind]) => [
      namesIn(name)[0],
      kind,
    ])
    const own = ownNames.map((name) => [name, ownKeyrings[name].kind])
    assert.deepEqual(named.sort(), [...own, ['bff-client', 'client-key']].sort())
  })

  it('names every metric, and no other', async () => {
    const { registry } = newMetrics()
    const told = (await registry.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => !/^(nodejs|process)_/.test(name))
    const [table = ''] = below('## Operations').split('###')
    const named = rowsIn(table).flatMap(([names]) => namesIn(names))
    // Made where what they tell is known.
    const others = ['bff_client_secret_position', 'rekey_bff_sessions']
    assert.deepEqual(named.sort(), [...told, ...others].sort())
  })

  it('names every code of its own, and each code with its status', () => {
    const rows = rowsIn(below('### Refusals'))
    for (const [code, status] of rows) assert.equal(statusOf(namesIn(code)[0] ?? ''), Number(status), code)
    const source = readFileSync(new URL('../src/error.ts', import.meta.url), 'utf8')
    const own = [...source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map(([, code]) => code)
    assert.ok(own.length > 10)
    const named = rows.flatMap(([code]) => namesIn(code))
    assert.deepEqual(
      own.filter((code) => !named.includes(String(code))),
      [],
    )
  })
})

/** A path that matches. */
const sampleOf = (path: string) => path.replace(/:[a-z]+|\*$/g, '7')
