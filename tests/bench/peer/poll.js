// Polling with BullMQ: each job asks the vendor, then moves itself to delayed.
//   poll.js <redis port> <jobs> <seconds> <url>      prints {"polls", "cpu_us"}
const { Queue, Worker, DelayedError } = require('bullmq')
const http = require('http')
const [redisPort, jobs, seconds, url] = process.argv.slice(2)
const connection = { host: '127.0.0.1', port: +redisPort, maxRetriesPerRequest: null }
const agent = new http.Agent({ keepAlive: true, maxSockets: 100 })
const ask = () =>
  new Promise((done, failed) =>
    http.get(url, { agent, headers: { 'mj-api-secret': 'sim-secret' } }, (response) => {
      let text = ''
      response.on('data', (piece) => (text += piece))
      response.on('end', () => done(text === '' ? null : JSON.parse(text)))
    }).on('error', failed))
;(async () => {
  const queue = new Queue('polls', { connection })
  await queue.addBulk(Array.from({ length: +jobs }, () => ({ name: 'x', data: { prompt: 'lorem ipsum '.repeat(62) } })))
  let polls = 0
  const before = process.cpuUsage()
  const worker = new Worker('polls', async (job, token) => {
    await ask()
    polls++
    await job.moveToDelayed(Date.now() + 500, token)
    throw new DelayedError()
  }, { connection, concurrency: 100 })
  setTimeout(() => {
    const cpu = process.cpuUsage(before)
    console.log(JSON.stringify({ polls, cpu_us: cpu.user + cpu.system }))
    process.exit(0)
  }, seconds * 1000)
})()
