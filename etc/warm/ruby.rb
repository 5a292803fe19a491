# What Ruby does where it is held (warm/warm.h): load what it would load next, fork for each job, and in
# the fork take over the job's arguments and environment, leaving nothing behind.
require 'rubygems' if defined?(Gem)
require 'error_highlight' if defined?(ErrorHighlight)
require 'did_you_mean' if defined?(DidYouMean)

proc do
  command = File.binread('/proc/self/cmdline').count("\0")
  nil while fork
  file = IO.for_fd(1000, 'rb')
  at = file.sysseek(0, IO::SEEK_CUR)
  file.sysseek(0)
  text = file.sysread(file.stat.size)
  file.close
  encoding = Encoding.find('locale')
  args = text.byteslice(0, at).split("\0").drop(command)
  ARGV.concat(args.each { |arg| arg.force_encoding(encoding).freeze })
  ENV.replace(text.byteslice(at..).split("\0").to_h { |line| line.split('=', 2) })
end.call
