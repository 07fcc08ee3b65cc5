// Webhooks with BullMQ and undici: each job signs its body and sends it, the result is kept with the job, a failure is tried again.
//   hooks.js <redis port> <jobs> <file with the body> <url…>      prints {"sent", "cpu_us", "seconds"}
const { createHmac } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { Queue, Worker } = require('bullmq')
const { Pool } = require('undici')
const [redisPort, jobs, file, ...urls] = process.argv.slice(2)
const connection = { host: '127.0.0.1', port: +redisPort, maxRetriesPerRequest: null }
const key = Buffer.alloc(32, 7)
const body = readFileSync(file, 'utf8')
const pools = new Map(urls.map((url) => [new URL(url).origin, new Pool(new URL(url).origin, { connections: 16 })]))
const deliver = async (job) => {
  const began = Date.now(), { url, payload } = job.data
  const id = `msg_${job.id}`, timestamp = Math.floor(began / 1000)
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`).digest('base64')
  const { origin, pathname } = new URL(url)
  const answer = await pools.get(origin).request({
    path: pathname,
    method: 'POST',
    body: payload,
    headers: { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` },
  })
  await answer.body.dump()
  if (answer.statusCode >= 300) throw new Error(`the receiver answered ${answer.statusCode}`)
  return { status: answer.statusCode, took_ms: Date.now() - began }
}
;(async () => {
  const queue = new Queue('hooks', { connection })
  const opts = { attempts: 8, backoff: { type: 'exponential', delay: 1000 } }
  for (let at = 0; at < +jobs; at += 1000)
    await queue.addBulk(Array.from({ length: Math.min(1000, +jobs - at) }, (_, i) => ({ name: 'x', data: { url: urls[i % urls.length], payload: body }, opts })))
  console.log('ready')
  process.stdin.once('data', () => {
    const before = process.cpuUsage(), began = Date.now()
    let sent = 0
    const worker = new Worker('hooks', deliver, { connection, concurrency: 64 })
    worker.on('completed', () => {
      if (++sent < +jobs) return
      const cpu = process.cpuUsage(before)
      console.log(JSON.stringify({ sent, cpu_us: cpu.user + cpu.system, seconds: (Date.now() - began) / 1000 }))
      process.exit(0)
    })
  })
})()
