import ConfigAPI
import Core
import Testing

@Suite struct FractionalPercentTests {
    @Test func drawTakesTheLowShareOfTheNumbers() {
        let percent = FractionalPercent(30)
        #expect((0..<1000).count { percent.draw($0) } == 300)
        #expect(percent.draw(129))
        #expect(!percent.draw(130))
        let fine = FractionalPercent(1, outOf: .million)
        #expect(fine.draw(5_000_000))
        #expect(!fine.draw(5_000_001))
        #expect((0..<10_000).count { FractionalPercent(7, outOf: .tenThousand).draw($0) } == 7)
    }

    @Test func endsAreCertain() {
        for random: UInt64 in [0, 1, 99, 100, .max] {
            #expect(FractionalPercent.always.draw(random))
            #expect(!FractionalPercent.never.draw(random))
            #expect(FractionalPercent(250).draw(random))
        }
    }

    @Test func messagesCompile() throws {
        var message = Envoy_Type_V3_FractionalPercent()
        message.numerator = 5
        message.denominator = .tenThousand
        #expect(try FractionalPercent(message) == FractionalPercent(5, outOf: .tenThousand))
        message.denominator = .UNRECOGNIZED(9)
        #expect(throws: CompileFailure.self) { try FractionalPercent(message) }
    }
}
