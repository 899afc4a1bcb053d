// Makes a failing run smaller: takes away what isn't needed for the same promise to be broken, in ever smaller portions, as delta
// debugging does (Zeller and Hildebrandt, 2002).

namespace CloudSync.Simulation.Plan;

internal static class Shrinker
{
    /// <summary>The smallest plan found that breaks the same promise.</summary>
    /// <param name="plan">One that fails.</param>
    /// <param name="fails">Whether another does, in the same way.</param>
    /// <param name="patience">After so long it is left as small as it is.</param>
    public static RunPlan Shrink(RunPlan plan, Func<RunPlan, bool> fails, TimeSpan patience)
    {
        var since = TimeProvider.System.GetTimestamp();
        plan = WithoutPortions(plan, fails, IsOver);
        plan = WithLessTyping(plan, fails, IsOver);
        return WithoutPortions(plan, fails, IsOver);

        bool IsOver() => TimeProvider.System.GetElapsedTime(since) > patience;
    }

    private static RunPlan WithoutPortions(RunPlan plan, Func<RunPlan, bool> fails, Func<bool> isOver)
    {
        for (var portion = Math.Max(1, plan.Actions.Count / 2); portion > 0; portion /= 2)
        {
            for (var at = 0; at < plan.Actions.Count && !isOver();)
            {
                var less = plan with { Actions = [.. plan.Actions.Take(at), .. plan.Actions.Skip(at + portion)] };
                if (fails(less))
                    plan = less;
                else
                    at += portion;
            }
        }

        return plan;
    }

    private static RunPlan WithLessTyping(RunPlan plan, Func<RunPlan, bool> fails, Func<bool> isOver)
    {
        for (var i = 0; i < plan.Actions.Count; i++)
        {
            while (plan.Actions[i].Count > 1 && !isOver())
            {
                var action = plan.Actions[i];
                var shorter = action with { Count = action.Count / 2, Lasts = action.Lasts / 2 };
                PlannedAction[] actions = [.. plan.Actions];
                actions[i] = shorter;
                var less = plan with { Actions = actions };
                if (!fails(less))
                    break;
                plan = less;
            }
        }

        return plan;
    }
}
