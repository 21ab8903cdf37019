/**
 * Runs a range of seeds in a process of its own and prints what came of it as JSON. With the number of a plant it first puts
 * that fault into the source as it is loaded, and stops at the first seed that finds it.
 *
 *   node seeds.ts FIRST COUNT [PLANT]
 */
import { registerHooks } from 'node:module'
import { type Plant, plants } from './plants.ts'

const [first = 0, count = 0, plantNumber] = process.argv.slice(2).map(Number)
const root = new URL('../../../../', import.meta.url)
let planted = 0

if (plantNumber !== undefined) put(plants[plantNumber])
const { runSeed } = await import('./run.ts')
if (plantNumber !== undefined && planted !== 1) throw new Error(`the file to be changed was loaded ${planted} times`)

const violations: { seed: number; violation: string }[] = []
const counts = new Map<string, number>()
for (let seed = first; seed < first + count; seed += 1) {
  const outcome = await runSeed(seed)
  for (const label of outcome.counts.keys()) counts.set(label, (counts.get(label) ?? 0) + 1)
  if (outcome.violation) violations.push({ seed, violation: outcome.violation })
  if (outcome.violation && plantNumber !== undefined) break
}
process.stdout.write(JSON.stringify({ violations, counts: [...counts] }))

function put(plant: Plant | undefined): void {
  if (!plant) throw new Error('there is no such plant')
  const target = new URL(plant.file, root).href
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      if (url !== target) return loaded
      planted += 1
      return { ...loaded, source: changed(String(loaded.source), plant) }
    },
  })
}

function changed(source: string, { text, instead, file }: Plant): string {
  const pieces = source.split(text)
  if (pieces.length !== 2) throw new Error(`${file} has ${pieces.length - 1} times: ${text}`)
  return pieces.join(instead)
}
