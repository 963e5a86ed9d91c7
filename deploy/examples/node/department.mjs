// A department: reads its tasks, answers `accept` and `handled`, and knows what it has answered. ../README.md says how to start it.
import { existsSync, readFileSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { Consumer, FetchIsolationLevels, ProduceAcks, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'

const [name, journal] = process.argv.slice(2)
const namespace = process.env.NAMESPACE ?? ''
const cluster = { clientId: `${name}-example`, bootstrapBrokers: (process.env.KAFKA ?? '127.0.0.1:9092').split(',') }

// records whose answers were begun, with the time that the answers carry, and those that were answered
const begun = new Map()
const done = new Set()
for (const line of existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : []) {
  const [state, time, key] = line.split(' ')
  if (state === 'begun') begun.set(key, time)
  if (state === 'done') done.add(key)
}

const consumer = new Consumer({ ...cluster, groupId: `${namespace}${name}-example`, deserializers: stringDeserializers })
const producer = new Producer({ ...cluster, serializers: stringSerializers, idempotent: true, acks: ProduceAcks.ALL })
const tasks = await consumer.consume({
  topics: [`${namespace}tasks.${name}`],
  isolationLevel: FetchIsolationLevels.READ_COMMITTED, // otherwise tasks of aborted transactions come, too
  autocommit: false,
  mode: 'committed',
  fallbackMode: 'earliest'
})
process.once('SIGTERM', () => tasks.close())
for await (const record of tasks) {
  await take(record)
  await record.commit() // only now: it is answered
}
await producer.close()
await consumer.close()
console.log('ended')

async function take (record) {
  if (record.headers.get('ce_type') !== 'grid.task.dispatched.v1') return
  const key = `${record.headers.get('ce_source')}|${record.headers.get('ce_id')}`
  const task = JSON.parse(record.value)
  if (done.has(key)) return console.log(`duplicate ${task.id}`)
  // a crash repeats the answers under the same ids and with the same time, and the router counts each once
  if (!begun.has(key)) {
    begun.set(key, new Date().toISOString())
    await write('begun', begun.get(key), key)
  }
  await answer(task, 'accept', begun.get(key))
  await answer(task, 'handled', begun.get(key)) // a real department does the work first
  done.add(key)
  await write('done', begun.get(key), key)
  console.log(`answered ${task.id}`)
}

// One answer as a CloudEvent in binary mode; Kafka has stored it when this returns.
async function answer (task, kind, time) {
  const id = `${task.id}/${kind}`
  await producer.send({
    messages: [
      {
        topic: `${namespace}feedback.${name}`,
        key: task.id,
        value: JSON.stringify({ id, task: task.id, partition_key: task.partition_key, kind, actor: `${name}-example`, occurred_at: time }),
        headers: {
          ce_specversion: '1.0',
          ce_id: id,
          ce_source: `/departments/${name}`,
          ce_type: `org.example.task.${kind}.v1`,
          ce_time: time,
          'content-type': 'application/json'
        }
      }
    ]
  })
}

// A line of the journal, which stands for the department's database.
async function write (state, time, key) {
  await appendFile(journal, `${state} ${time} ${key}\n`, { flush: true })
}
