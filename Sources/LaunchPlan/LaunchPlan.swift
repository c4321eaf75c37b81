// LaunchPlan
