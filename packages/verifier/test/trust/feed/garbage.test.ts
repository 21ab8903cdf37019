import { it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { makeEstate, one, startWith } from '../../support/estate.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

it('a feed that fell silent is left, also when the garbage collector has been at the request', {
  timeout: 20_000,
}, async (t) => {
  const estate = await makeEstate(t)
  const feed = await startWith(estate, [one])
  // What is collected is followed by its finalisers on later turns; several rounds reach what those let go.
  for (let round = 0; round < 5; round++) {
    collectGarbage()
    await new Promise((resolve) => setImmediate(resolve))
  }
  estate.clock.advance(5_000)
  await feed.closed
})
