/** As much of openssl as AgentIdP's runbook uses: `openssl rand -hex BYTES`. */
import { randomBytes } from 'node:crypto'

const [what, form, bytes] = process.argv.slice(2)
if (what !== 'rand' || form !== '-hex') throw new Error(`openssl ${what} ${form} is not played here`)
process.stdout.write(`${randomBytes(Number(bytes)).toString('hex')}\n`)
