/**
 * `npm run bench:expiry`: what it costs the database to find which credentials expire soon, and to count them for a scrape. Of a
 * million credentials, whose ends are spread over 90 days, those of an hour are new to each hourly scan. It is measured by the
 * database itself, whose plans are printed. Exits with 1 when a bar is missed.
 *
 * `-- --credentials=1000000 --days=90 --rounds=9` are the defaults.
 */
import { type Connection, connect } from '@rekey/database'
import { beginning, counting, takeBatch, tellOfExpiring } from '@rekey/idp/testing'
import type { RawBuilder } from 'kysely'
import { populate } from '../credentials/populate.ts'
import { readCounts } from '../estate/counts.ts'
import { startHome } from '../estate/home.ts'
import { median } from '../estate/percentile.ts'
import { layOut } from '../estate/table.ts'
import { Undo } from '../estate/undo.ts'
import { verdictLine } from '../estate/verdict.ts'

const [anHourMs, aWeekMs] = [3_600_000, 7 * 86_400_000]
const MOST_MS = 50

const undo = new Undo()
undo.whenInterrupted()
const usage = 'bench:expiry -- [--credentials=1000000] [--days=90] [--rounds=9]'
const asked = readCounts({ credentials: '1000000', days: '90', rounds: '9' }, usage)
try {
  process.exitCode = asked && (await main(asked.credentials[0], asked.days[0], asked.rounds[0])) ? 0 : 1
} finally {
  await undo.all()
}

type Service = Connection<Parameters<typeof tellOfExpiring>[0] extends Connection<infer Tables>['db'] ? Tables : never>

/** A plan that was carried out, as the database prints it. */
interface Carried {
  plan: string
  ms: number
}

async function main(count: number, days: number, rounds: number): Promise<boolean> {
  const home = await startHome(undo)
  await populate(home.ownerUrl, count, days)
  const service: Service = connect(home.serviceUrl, { max: 1, queryDeadlineMs: 60_000 })
  undo.add(() => service.close())
  const first = await firstScan(service)
  const hourly = await hourlyScans(service, rounds)
  const idle = await timed(service, rounds, () => takeBatch(aWeekMs, beginning))
  const counted = await timed(service, rounds, () => counting(aWeekMs))
  console.log(`The hourly scan among ${count.toLocaleString('en')} credentials:\n${hourly.plan}\n`)
  console.log(`The count for a scrape:\n${counted.plan}\n`)
  const row = (what: string, { ms }: Carried) => [what, ms.toFixed(2)]
  console.log(
    layOut(
      [
        ['database time', 'ms (median)'],
        row('hourly scan', hourly),
        row('scan that finds nothing', idle),
        row('count for a scrape', counted),
        [`first scan, which tells of ${first.told.toLocaleString('en')} (s)`, (first.ms / 1_000).toFixed(2)],
      ],
      1,
    ),
  )
  return judge(hourly, counted)
}

/** Of an estate that had no scan before: everything that expires within a week is new. */
async function firstScan({ db }: Service): Promise<{ told: number; ms: number }> {
  const began = performance.now()
  const { told } = await tellOfExpiring(db, aWeekMs)
  return { told, ms: performance.now() - began }
}

/** Each looks an hour further than the one before. */
function hourlyScans(service: Service, rounds: number): Promise<Carried> {
  let hours = 0
  return timed(service, rounds, () => {
    hours += 1
    return takeBatch(aWeekMs + hours * anHourMs, beginning)
  })
}

/** Carries a statement out again and again; of the plans it returns the last one. */
async function timed({ db, pool }: Service, rounds: number, statement: () => RawBuilder<unknown>): Promise<Carried> {
  const all: Carried[] = []
  for (let round = 0; round < rounds; round += 1) {
    const { sql, parameters } = statement().compile(db)
    const { rows } = await pool.query(`EXPLAIN (ANALYZE, BUFFERS) ${sql}`, [...parameters])
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    const spent = [...plan.matchAll(/^(?:Planning|Execution) Time: ([\d.]+) ms$/gm)].map(([, ms]) => Number(ms))
    all.push({ plan, ms: spent.reduce((sum, ms) => sum + ms, 0) })
  }
  return { plan: all.at(-1)?.plan ?? '', ms: median(all.map(({ ms }) => ms)) }
}

function judge(hourly: Carried, counted: Carried): boolean {
  const isByIndex = ({ plan }: Carried) =>
    /credentials_(to_tell_of|expiring)/.test(plan) && !/Seq Scan on credentials/.test(plan)
  const goals: [boolean, string][] = [
    [hourly.ms < MOST_MS, `the hourly scan: ${hourly.ms.toFixed(2)} ms of the database (below ${MOST_MS})`],
    [
      isByIndex(hourly) && isByIndex(counted),
      'scan and count find credentials by an index, and never read their whole table',
    ],
  ]
  for (const [isMet, goal] of goals) console.log(verdictLine(isMet, goal))
  return goals.every(([isMet]) => isMet)
}
