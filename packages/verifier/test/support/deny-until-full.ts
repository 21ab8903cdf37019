import { denyList } from '../../src/deny/list.ts'
import { VerifyError } from '../../src/error.ts'

/** Denies key after key until the state file takes no more, then a shorter one, and prints which ones were written. */
const list = denyList({ stateFile: process.argv[2] })
await list.start((error) => {
  throw error
})
const written: string[] = []
let refusedAs: unknown
let refusedKid = ''
while (refusedAs === undefined && written.length < 1_000) {
  refusedKid = `kid ${written.length} `.padEnd(400, 'x')
  try {
    await list.add([{ kid: refusedKid }])
    written.push(refusedKid)
  } catch (error) {
    refusedAs = error instanceof VerifyError ? error.code : error
  }
}
await list.add([{ kid: 'short' }])
written.push('short')
console.log(JSON.stringify({ written, refusedAs, inForce: list.isKidDenied(refusedKid) }))
await list.close()
