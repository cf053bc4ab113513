import Glibc
import KedastralCommandLine

exit(await KedastralCommand.main(Array(CommandLine.arguments.dropFirst())))
