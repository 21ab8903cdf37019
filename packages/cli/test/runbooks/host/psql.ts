/** As much of psql as AgentIdP's runbook uses: `psql URL -c STATEMENT`. */
import { parseArgs } from 'node:util'
import { connect } from '@rekey/database'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { command: { type: 'string', short: 'c' } },
})
const { pool, close } = connect(positionals[0] ?? '', { max: 1 })
try {
  const { command, rowCount } = await pool.query(values.command ?? '')
  process.stdout.write(`${command} ${rowCount}\n`)
} finally {
  await close()
}
