import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { type DenyEntry, type DenyList, denyList, type JwtClaims, parseDenyEntries } from '@rekey/verifier'

/**
 * A deny-list of a million tokens: what it takes of memory, and what it costs each token to be looked up in it. The claims
 * have just been parsed when they are looked up, as in a verifier; the names in the list are spread over all of its memory.
 */
const ENTRIES = 1_000_000
const PAGE = 10_000
const BATCHES = 4_001
const BATCH = 50

const BARS = { megabytes: 150, lookupNs: 1_000, emptyNs: 50 }

type Gc = () => void

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function report(what: string, value: number, unit: string, bar: number): boolean {
  const ok = value < bar
  const verdict = `bar ${bar} ${unit}  ${ok ? 'met' : 'MISSED'}`
  console.log(`  ${what.padEnd(34)}${value.toFixed(1).padStart(8)} ${unit}   ${verdict}`)
  return ok
}

/** As they would come in a request: parsed from text, a page at a time. */
function pageOf(names: readonly string[], expiresAt: string): DenyEntry[] {
  return JSON.parse(JSON.stringify(names.map((jti) => ({ jti, expiresAt }))))
}

/** Every hundredth name is kept for the lookups. */
async function send(take: (entries: DenyEntry[]) => unknown): Promise<string[]> {
  const sample: string[] = []
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString()
  for (let from = 0; from < ENTRIES; from += PAGE) {
    const names = Array.from({ length: PAGE }, () => randomUUID())
    await take(pageOf(names, expiresAt))
    // Copied: the text of a page would live on in each of its names.
    for (let index = 0; index < PAGE; index += 100) sample.push(Buffer.from(names[index] ?? '').toString())
  }
  return sample
}

function memory(gc: Gc): { heap: number; rss: number } {
  gc()
  gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: (heapUsed + external) / 1e6, rss: rss / 1e6 }
}

function claimsText(jti: string): string {
  const seconds = Math.floor(Date.now() / 1000)
  return JSON.stringify({
    iss: 'https://idp.example.com',
    sub: `user-${jti.slice(0, 8)}`,
    aud: ['urn:rekey:api', 'urn:other:api'],
    exp: seconds + 3600,
    iat: seconds,
    nbf: seconds,
    auth_time: seconds,
    jti,
    sid: `session-${jti.slice(9)}`,
    client_id: 'checkout-service',
    organization_id: 'org-1',
    scope: 'orders:read orders:write payments:read',
  })
}

/** Nanoseconds for a lookup: the median of many short batches, so that what else runs on the machine counts little. */
function lookup(list: DenyList, names: readonly string[], expected: boolean): number {
  const texts = names.map(claimsText)
  const batches: number[] = []
  let next = 0
  for (let batch = 0; batch < BATCHES; batch++) {
    const claims: JwtClaims[] = []
    for (let index = 0; index < BATCH; index++) claims.push(JSON.parse(texts[next++ % texts.length] ?? '{}'))
    let found = 0
    const begun = performance.now()
    for (const one of claims) if (list.matches(one)) found++
    batches.push(((performance.now() - begun) * 1e6) / BATCH)
    if (found !== (expected ? BATCH : 0)) throw new Error('the list was wrong')
  }
  return median(batches)
}

async function measure(gc: Gc): Promise<boolean> {
  const strangers = Array.from({ length: ENTRIES / 100 }, () => randomUUID())
  const empty = lookup(denyList(), strangers, false)
  // What arrives leaves garbage behind, whether it is kept or not: that is no part of the list.
  await send(parseDenyEntries)
  const before = memory(gc)
  const list = denyList()
  const sample = await send((entries) => list.add(entries))
  const after = memory(gc)
  console.log(`\n${list.size.toLocaleString('en')} tokens denied by jti`)
  return [
    report('memory that is in use', after.heap - before.heap, 'MB', BARS.megabytes),
    report('memory that is resident', after.rss - before.rss, 'MB', BARS.megabytes),
    report('lookup of a token that is denied', lookup(list, sample, true), 'ns', BARS.lookupNs),
    report('lookup of one that is not', lookup(list, strangers, false), 'ns', BARS.lookupNs),
    report('lookup in an empty list', empty, 'ns', BARS.emptyNs),
  ].every(Boolean)
}

const gc = (globalThis as { gc?: Gc }).gc
if (gc === undefined) {
  const { status } = spawnSync(process.execPath, ['--expose-gc', import.meta.filename], { stdio: 'inherit' })
  process.exitCode = status ?? 1
} else {
  process.exitCode = (await measure(gc)) ? 0 : 1
}
