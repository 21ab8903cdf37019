/**
 * `npm run bench:reencryption`: how quickly a column is encrypted anew, against the same batches written by the same driver
 * without cryptography: values that were made before, in updates that read nothing and remember nothing. Rounds interleaved,
 * each on a table of its own. Exits with 1 when the bar is missed.
 *
 * `-- --rows=60000 --rounds=5` are the defaults.
 */
import { type ColumnKey, columnCipher, connect, reencrypt } from '@rekey/database'
import { readCounts } from '../estate/counts.ts'
import { startHome } from '../estate/home.ts'
import { median } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'
import { admit, holding, makeTable, newKey, sealAll, type Table, tidy } from './table.ts'

const BATCH = 1_000
const LEAST = 0.4

const undo = new Undo()
undo.whenInterrupted()
const asked = readCounts({ rows: '60000', rounds: '5' }, 'bench:reencryption -- [--rows=60000] [--rounds=5]')
try {
  process.exitCode = asked && (await main(asked.rows[0], asked.rounds[0])) ? 0 : 1
} finally {
  await undo.all()
}

async function main(rows: number, rounds: number): Promise<boolean> {
  const { ownerUrl, serviceUrl } = await startHome(undo)
  let [from, to] = [newKey(), newKey()]
  await admit(ownerUrl, [from, to])
  const swept = await makeTable(ownerUrl, 'swept', rows, from)
  const written = await makeTable(ownerUrl, 'written', rows, from)
  const [sweeps, writes]: [number[], number[]] = [[], []]
  for (let round = 0; round <= rounds; round += 1) {
    const ready = { before: await storedIn(serviceUrl, written), after: sealAll(written, to) }
    for (const table of [swept, written]) await tidy(ownerUrl, table)
    const sweep = await perSecond(rows, () => sweepTable(serviceUrl, swept, [from, to], to))
    const write = await perSecond(rows, () => writeTable(serviceUrl, written, ready))
    console.error(`round ${round}: ${sweep.toFixed(0)} rows/s encrypted anew, ${write.toFixed(0)} rows/s written`)
    // The first one warms up.
    if (round > 0) sweeps.push(sweep)
    if (round > 0) writes.push(write)
    ;[from, to] = [to, from]
  }
  return judge(sweeps, writes)
}

async function perSecond(rows: number, act: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await act()
  return (rows / (performance.now() - began)) * 1_000
}

async function sweepTable(
  url: string,
  { column, ids }: Table,
  keys: readonly ColumnKey[],
  to: ColumnKey,
): Promise<void> {
  const { db, close } = connect<never>(url)
  const outcome = await reencrypt(db, [column], columnCipher(holding(keys, to)), { batch: BATCH })
  await close()
  if (outcome.moved !== ids.length || outcome.left.length > 0) throw new Error('the sweep left something')
}

async function writeTable(
  url: string,
  { name, ids }: Table,
  ready: { before: string[]; after: string[] },
): Promise<void> {
  const { pool, close } = connect(url)
  for (let at = 0; at < ids.length; at += BATCH) {
    const batch = (of: readonly string[]) => of.slice(at, at + BATCH)
    const { rowCount } = await pool.query(
      `UPDATE ${name} AS target SET email = moved.sealed
       FROM unnest($1::uuid[], $2::text[], $3::text[]) AS moved (id, stored, sealed)
       WHERE target.agent_id = moved.id AND target.email = moved.stored`,
      [batch(ids), batch(ready.before), batch(ready.after)],
    )
    if (rowCount !== batch(ids).length) throw new Error('a row was not written')
  }
  await close()
}

async function storedIn(url: string, { name }: Table): Promise<string[]> {
  const { pool, close } = connect(url, { queryDeadlineMs: 60_000 })
  const { rows } = await pool.query(`SELECT email FROM ${name} ORDER BY agent_id`)
  await close()
  return rows.map(({ email }) => email)
}

function judge(sweeps: readonly number[], writes: readonly number[]): boolean {
  const ratio = median(sweeps.map((each, i) => each / (writes[i] ?? Number.NaN)))
  const rows = [
    ['the sweep', median(sweeps).toFixed(0)],
    ['the same batches without cryptography', median(writes).toFixed(0)],
  ]
  console.log(layOut([['', 'rows/s'], ...rows], 1))
  const isMet = ratio >= LEAST
  console.log(verdictLine(isMet, `the sweep: ${ratio.toFixed(2)} × as many rows (at least ${LEAST})`))
  return isMet
}
