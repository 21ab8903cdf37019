/** A process of its own that makes a backup, or restores one, so that it can be killed: `worker.ts take|restore PATH URL…`. */
import { restoreBackup } from '../../src/backup/restore.ts'
import { takeBackup } from '../../src/backup/take.ts'
import { workspaceMigrations } from '../../src/testing/sources.ts'

const [what = '', path = '', ...urls] = process.argv.slice(2)
const databases = urls.map((ownerUrl, index) => ({ name: `database-${index + 1}`, ownerUrl }))

if (what === 'take') await takeBackup(path, databases, '1.2.3')
else {
  const sources = workspaceMigrations()
  const targets = databases.map((database) => ({ ...database, sources, ended: [] }))
  await restoreBackup(path, targets, { replace: true })
}
