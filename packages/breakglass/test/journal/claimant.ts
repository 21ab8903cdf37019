/** A process that claims an incident when it is told to. */

import { BreakGlassError } from '../../src/error.ts'
import { folderJournal } from '../../src/journal/folder.ts'
import { systemClock } from '../clock.ts'

const [folder = '', runner = ''] = process.argv.slice(2)
const journal = folderJournal(folder, { clock: systemClock, operator: runner })

process.once('message', async () => {
  try {
    await journal.claim('INC-1', runner, 60)
    process.send?.('claimed')
  } catch (error) {
    process.send?.(error instanceof BreakGlassError && error.code === 'INCIDENT_CLAIMED' ? 'refused' : String(error))
  }
})
process.send?.('ready')
